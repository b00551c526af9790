"""The command line's shape: commands in panels, each imported when it is called; a short --help and a whole one."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from xscan.engine.errors import UsageError

Panels = Mapping[str, Mapping[str, str]]  #: title -> command -> summary

WHERE = "Where from"
HOW = "How"
WRITE = "What to write"
RUN = "This run"
RARE = "Rarely"
_ALL = "xscan.help_all"  #: in a context's `meta`: every option is wanted


def _show_all(ctx: typer.Context, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        ctx.meta[_ALL] = True
        typer.echo(ctx.get_help())
        raise typer.Exit


#: For a command with a `BRIEF` in its module: the names of what its --help shows.
HELP_ALL: Any = typer.Option("--help-all", help="Show every option and exit.", is_eager=True, callback=_show_all)


class Command(TyperCommand):
    """Its options stand in panels (`rich_help_panel`); where it has a `brief`, --help shows those and one paragraph."""

    brief: tuple[str, ...] = ()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """An empty path would be taken for the current folder: it is a script's variable that was not set."""
        given = self.make_parser(ctx).parse_args(list(args))[0]
        rest = super().parse_args(ctx, args)
        for param in self.get_params(ctx):
            if "" in _several(given.get(param.name)) and isinstance(_several(ctx.params[param.name])[0], Path):
                name = argument_name(param) if param.param_type_name == "argument" else param.opts[0]
                raise UsageError(f"{name} is an empty name: give a file or folder, . for the current one")
        return rest

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        whole = self.help
        if self.brief and _ALL not in ctx.meta:
            self.help = (whole or "").partition("\n\n")[0]
        super().format_help_text(ctx, formatter)
        self.help = whole

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [param for param in self.get_params(ctx) if param.param_type_name == "argument"]
        return [
            "[OPTIONS]",
            *(argument_name(param) if param.required else f"[{argument_name(param)}]" for param in arguments),
        ]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        shown = self.brief if self.brief and _ALL not in ctx.meta else None
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None or (shown and param.name not in (*shown, "help")):
                continue
            if param.param_type_name == "argument":
                record = (argument_name(param), record[1])
            panel = "Options" if shown else getattr(param, "rich_help_panel", None) or "Options"
            panels.setdefault("Arguments" if param.param_type_name == "argument" else panel, []).append(record)
        for title in sorted(panels, key=_order):
            with formatter.section(title):
                formatter.write_dl(panels[title])


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def argument_name(argument: Any) -> str:
    """`FILMS...`, as docs and messages call it; parsers' own ways differ by version."""
    name = argument.metavar or argument.name.upper()
    return name + "..." * (argument.nargs == -1 and not name.endswith(("...", "TRUTH")))


def _order(title: str) -> int:
    """Where a panel stands; what has no panel of its own comes last."""
    order = ("Arguments", WHERE, HOW, WRITE, RUN, RARE)
    return order.index(title) if title in order else len(order)


class _Loaded(MutableMapping[str, Any]):
    """Commands by name; each one's module is imported when it is asked for."""

    def __init__(self, package: str, names: list[str], made: Mapping[str, Any]) -> None:
        self._package, self._names, self._made = package, names, dict(made)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = load(self._package, name)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names or name in self._made

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._names, *self._made]))

    def __len__(self) -> int:
        return len(list(iter(self)))


def load(package: str, name: str) -> Any:
    """The command of `package`.name, with _ for -: its `app` where it has several, else the function of that name."""
    module = import_module(f"{package}.{name.replace('-', '_')}")
    if hasattr(module, "app"):
        group = typer.main.get_group(module.app)
        group.name = name
        for command in group.commands.values():
            if type(command) is TyperCommand:  # one layout of help for all; the module need not say so each time
                command.__class__ = Command
        return group
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name, cls=Command)(getattr(module, name.replace("-", "_")))
    command: Any = typer.main.get_command(alone)
    command.brief = getattr(module, "BRIEF", ())
    return command


class LazyGroup(TyperGroup):
    """A group that knows its commands' names, summaries and panels without importing any of them."""

    package = ""
    panels: ClassVar[Panels] = {}

    def __init__(self, *, commands: Any = None, **attributes: Any) -> None:
        names = [name for panel in self.panels.values() for name in panel]
        loaded: Any = _Loaded(self.package, names, commands or {})
        super().__init__(commands=loaded, **attributes)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(len(name) for panel in self.panels.values() for name in panel)
        for title, panel in self.panels.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", summary) for name, summary in panel.items()])
