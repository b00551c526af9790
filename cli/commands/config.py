"""`xscan config`: which settings are in force, and where each came from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ..settings.file import NAME, TABLES, current, options_of, user_folder
from ..terminal.console import Console
from ..terminal.options import Json, Verbose

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Show the settings, and where each came from.")
_SOURCES = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment"}


@app.command(
    short_help="Print settings that are not at their default.", context_settings={"allow_interspersed_args": False}
)
def show(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(help="A command line to explain: -- batch FOLDER --workers 4")
    ] = None,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Print every setting that is not at its default, and where it came from; with -v, all of them. What no command
    would take is an error.

    Put a command line behind -- to see what it would run with.
    """
    from xscan.engine.errors import UsageError

    root = ctx.find_root()
    commands: dict[str, Any] = getattr(root.command, "commands")  # noqa: B009  (the type of a group is not public)
    if command and command[0] not in commands:
        raise UsageError(f"there is no command {command[0]}: put a command line behind --, such as -- batch FOLDER")
    words = {command[0]: command[1:]} if command else dict.fromkeys(commands)
    rows = [row for name, args in words.items() for row in _rows(root, commands[name], [name], args)]
    if not command:
        _require_tables()
        rows += [
            {"command": name, "setting": key, "value": value, "source": str(current().file)}
            for name in TABLES
            for key, value in current().tables.get(name, {}).items()
        ]
    rows = [row for row in rows if verbose or row["source"] != "default"]
    keys = [f"{row['command']}.{row['setting']}" for row in rows]
    width = max(map(len, keys), default=0)
    lines = [f"{key:<{width}} = {_text(row['value'])}  ({row['source']})" for key, row in zip(keys, rows, strict=True)]
    file = current().file
    Console(json=json).result(
        {"file": str(file) if file else None, "settings": rows},
        "\n".join(lines) or f"every setting is at its default ({'no settings file' if file is None else file})",
    )


def _require_tables() -> None:
    """Read the tables that are no command's, as the commands that take them do. Raises UsageError."""
    from ..settings.pacs import destination
    from ..settings.page import large_bytes
    from ..settings.points import wishes
    from ..settings.state import state
    from ..settings.viewer import viewer

    wishes("", "")
    viewer()
    large_bytes()
    state()
    for name in current().tables.get("pacs", {}):
        destination(name)


def _rows(parent: Any, command: Any, path: list[str], args: list[str] | None) -> Iterator[dict[str, Any]]:
    """One row a setting. args: a command line to explain, checked as when it runs; None: no flags."""
    # Without a command line the required arguments are missing, which is no error here.
    lenient = {"resilient_parsing": True} if args is None else {}
    ctx = command.make_context(path[-1], list(args or []), parent=parent, **lenient)
    for name, inner in getattr(command, "commands", {}).items():
        yield from _rows(ctx, inner, [*path, name], None)
    for setting, param in options_of(command).items():
        found = ctx.get_parameter_source(param.name)
        source = _SOURCES.get(getattr(found, "name", ""), "default")
        if getattr(found, "name", "") == "DEFAULT_MAP":
            source = str(current().file)
        value = _plain(ctx.params.get(param.name))
        yield {"command": " ".join(path), "setting": setting, "value": value, "source": source}


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    value = getattr(value, "value", value)  # an Enum
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _text(value: Any) -> str:
    import json

    return "" if value is None else json.dumps(value, ensure_ascii=False)


@app.command(short_help="Print the settings file in force.")
def path(json: Json = False) -> None:
    """Print the settings file in force; where none is, the places that are searched."""
    file = current().file
    searched = [Path(NAME), user_folder() / NAME]
    console = Console(json=json)
    if file is None and not json:
        console.say(f"no settings file; searched: {', '.join(map(str, searched))}")
        return
    console.result({"file": str(file) if file else None, "searched": [str(p) for p in searched]}, str(file))
