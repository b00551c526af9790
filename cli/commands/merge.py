"""`xscan merge`: the lists of several shards in, one list out."""

from pathlib import Path
from typing import Annotated

import typer

from ..terminal.console import Console
from ..terminal.options import Json, Quiet


def merge(
    out: Annotated[Path, typer.Argument(help="The list to write.")],
    parts: Annotated[list[Path], typer.Argument(help="Lists that `xscan batch --shard` made, at most 500.")],
    any_engine: Annotated[
        bool, typer.Option("--any-engine", help="Join lists that different engines of one network made.")
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Join the triage lists of several shards into one."""
    from xscan.engine.lists.merge import merge as join

    console = Console(quiet=quiet, json=json)
    rows = join(out, parts, any_engine)
    if json:
        console.result({"csv": str(out), "files": rows}, "")
    else:
        console.say(f"{rows} files in {out}")
