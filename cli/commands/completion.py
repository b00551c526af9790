"""`xscan completion`: the lines that let a shell complete commands, options and values."""

from enum import StrEnum
from typing import Annotated

import typer


class Shell(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"
    powershell = "powershell"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")],
) -> None:
    """Print what a shell needs to complete xscan's commands, options and values with Tab. Changes nothing by itself.

    \b
    bash        xscan completion bash > ~/.local/share/bash-completion/completions/xscan
    zsh         xscan completion zsh > ~/.zfunc/_xscan   (a folder of $fpath)
    fish        xscan completion fish > ~/.config/fish/completions/xscan.fish
    PowerShell  xscan completion powershell >> $PROFILE

    Then start a new shell.
    """
    from typer._completion_shared import get_completion_script

    from ..terminal.completion import VARIABLE

    typer.echo(get_completion_script(prog_name="xscan", complete_var=VARIABLE, shell=shell.value))
