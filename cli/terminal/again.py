"""The command line of a command that runs, with some options changed: what to run next, ready to paste."""

from enum import Enum
from typing import Any

import typer

from xscan.engine.machine.install import shell_line


def again(ctx: typer.Context, **changes: Any) -> str:
    """As it was called, with these options in place of what was given; None leaves one out.

    Only what stood on the command line is repeated: a setting of xscan.toml is found there again.
    """
    words = ["xscan", *ctx.command_path.split()[1:]]
    for param in ctx.command.params:
        name = param.name or ""
        given = getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"
        value = changes[name] if name in changes else ctx.params.get(name) if given else None
        words += _words(param, value)
    return shell_line(*words)


def _words(param: Any, value: Any) -> list[str]:
    if value is None or value is False:
        return []
    values = [_text(v) for v in (value if isinstance(value, list | tuple) else [value])]
    if param.param_type_name == "argument":
        return values
    option = max(param.opts, key=len)
    return [option] if value is True else [f"{option}={text}" for text in values]


def _text(value: Any) -> str:
    return str(value.value if isinstance(value, Enum) else value)
