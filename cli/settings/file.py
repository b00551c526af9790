"""The settings file xscan.toml: defaults for options, by command. Flags win over it. See docs/config.md.

It is read before a command's own options are parsed, and handed to the parser as its defaults
(`default_map`): commands know nothing of it.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from xscan.engine.errors import UsageError

from ..notify import tell_of_settings
from ..terminal.console import Console
from ..terminal.failures import plain
from ..terminal.groups import LazyGroup

NAME = "xscan.toml"
#: Tables that are no command; who reads one checks it.
TABLES = ("operating-points", "viewer", "page", "pacs", "nights")
_SCANNED = ("films", "folder", "data", "file")  #: arguments that name films; an export must not choose an engine
_FILES_OR_NAMES = ("engine",)  #: options that take a file or the name of something that is shipped


@dataclass(frozen=True)
class SettingsFile:
    """The settings file in force; `file` is None when there is none."""

    file: Path | None = None
    tables: dict[str, Any] = field(default_factory=dict)  #: as written in the file


_current = SettingsFile()


def current() -> SettingsFile:
    """The settings that this process runs with."""
    return _current


def table(name: str) -> dict[str, Any]:
    """A table of the settings file as it is written there, {} when it is absent: `table("operating-points")`."""
    return _current.tables.get(name, {})


class SettingsGroup(LazyGroup):
    """The root command: knows which command comes, and reads the settings file before that one is parsed."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        global _current
        name, command, rest = super().resolve_command(ctx, args)
        if command is None or ctx.resilient_parsing:
            return name, command, rest
        given = ctx.params.get("config")  # a str in older Typers
        file = find(Path(given) if given else None, lambda: scanned_folders(ctx, [name or "", *rest]))
        if [name, *rest[:1]] == ["config", "path"]:  # says where a broken file is, too
            _current = SettingsFile(file)
        elif file is not None:
            try:
                _current = SettingsFile(file, read(file))
                ctx.default_map = _defaults(file, ctx, self.commands, _current.tables)
            except UsageError as error:
                tell_of_settings(rest, error.exit_code)
                raise
        return name, command, rest


def find(explicit: Path | None, scanned: Callable[[], Iterable[Path]]) -> Path | None:
    """The settings file in force: the one given, else the current folder's, else the user's.

    scanned: called for the folders of films on the command line; none of them may hold the settings.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise UsageError(f"no settings file {explicit}: check --config")
        return Path(os.path.abspath(explicit))
    try:
        here = Path.cwd()
    except OSError:  # the current folder has been deleted
        here = None
    if here is not None and _stands(here / NAME):
        if any(_is_inside(here, folder) for folder in scanned()):
            Console().warn(
                f"{NAME} of the current folder is not read, for the folder is scanned: "
                "run the command from elsewhere, or name the file with --config"
            )
        elif _is_ours(here / NAME, "of the current folder"):
            return here / NAME
    user = user_folder() / NAME
    return user if _stands(user) and _is_ours(user, "of your settings folder") else None


def _stands(file: Path) -> bool:
    """Whether there is such a file; also one that nobody lets us look at, such as a link of another user in /tmp."""
    try:
        return file.is_file()
    except OSError:
        return True


def _is_ours(file: Path, which: str) -> bool:
    """Whether nobody but this user and root can have written the file; else it is told of.

    The file names commands to run: in a folder that people share, such as /tmp, anyone may have put it there.
    """
    from xscan.engine.network.permissions import others_may_write

    try:
        why = others_may_write(file)
        if os.name != "nt" and not why and file.is_symlink() and file.lstat().st_uid not in (0, os.getuid()):
            why = f"{file.name} is a link that another user of this machine made"
    except OSError:
        why = f"{file.name} cannot be looked at"
    if why:
        Console().warn(f"{NAME} {which} is not read, for {why}: if you trust it, name it with --config")
    return not why


def user_folder() -> Path:
    """Where this user's settings live on this system."""
    if os.name == "nt":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "xscan"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "xscan"
    xdg = os.environ.get("XDG_CONFIG_HOME", "")  # the XDG rules: a relative one does not count
    return (Path(xdg) if os.path.isabs(xdg) else Path.home() / ".config") / "xscan"


def scanned_folders(ctx: Any, words: list[str]) -> Iterator[Path]:
    """Folders of films that a command line names, also one that stands inside `schedule install -- batch ...`."""
    for at, word in enumerate(words):
        command = ctx.command.commands.get(word)
        if command is None or hasattr(command, "commands"):
            continue
        inner = command.make_context(word, words[at + 1 :], parent=ctx, resilient_parsing=True)
        for given in (inner.params.get(name) for name in _SCANNED):
            for value in given if isinstance(given, (list, tuple)) else [given]:
                if isinstance(value, (str, os.PathLike)):
                    yield Path(value).parent if Path(value).is_file() else Path(value)  # fetch makes its folder


def _is_inside(folder: Path, other: Path) -> bool:
    folder, other = folder.resolve(), other.resolve()
    return folder == other or other in folder.parents


def read(file: Path) -> dict[str, Any]:
    """The file's content. Raises UsageError."""
    import tomllib

    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))  # Notepad may put a byte order mark first
    except OSError:
        raise UsageError(f"cannot read the settings file {file}: check its permissions") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8: save it again with that encoding") from None
    except tomllib.TOMLDecodeError as error:
        hint = "write Windows paths in single quotes" if "\\" in str(error) else "mend that line"
        raise UsageError(f"{file} is not valid TOML: {error}: {hint}") from None


def _defaults(file: Path, ctx: Any, commands: Mapping[str, Any], tables: dict[str, Any]) -> dict[str, Any]:
    """The file's tables as the parser's defaults, each value checked. Raises UsageError."""
    defaults: dict[str, Any] = {}
    for name, content in tables.items():
        known = [*commands, *TABLES]
        if not isinstance(content, dict):
            raise UsageError(f"{file}: {name} stands outside a table: write it below its command, such as [batch]")
        if name not in known:
            raise UsageError(f"{file}: there is no command [{name}]: {_like(name, known)}")
        if name not in TABLES:  # "pacs" is both: its tables are destinations, and its commands take no settings
            defaults[name] = _of_command(file, ctx, commands[name], [name], content)
    return defaults


def _of_command(file: Path, ctx: Any, command: Any, path: list[str], content: dict[str, Any]) -> dict[str, Any]:
    inner = getattr(command, "commands", None)
    options = options_of(command)
    found: dict[str, Any] = {}
    for key, value in content.items():
        place = f"{file}: [{'.'.join(path)}] {key}"
        if inner and key in inner and isinstance(value, dict):
            found[key] = _of_command(file, ctx, inner[key], [*path, key], value)
        elif key in options:
            found[options[key].name] = _value(file, ctx, options[key], value, place)
        else:
            known = list(inner) if inner else list(options)
            raise UsageError(f"{place} is no setting: {_like(key, known)}")
    return found


def options_of(command: Any) -> dict[str, Any]:
    """A command's options by their name in the file: `--max-failures` is max-failures; not those that show help."""
    given = (p for p in command.params if p.param_type_name == "option" and not p.is_eager)
    long = ((p, o) for p in given for o in p.opts if o.startswith("--"))
    return {option[2:]: param for param, option in long}


def _value(file: Path, ctx: Any, param: Any, value: Any, place: str) -> Any:
    """A setting as the command line would have given it, so that both are checked by one rule."""
    if getattr(param, "is_flag", False):
        if not isinstance(value, bool):
            raise UsageError(f"{place} must be true or false")
        return value
    many = bool(param.multiple)
    items = value if many and isinstance(value, list) else [value]
    if not all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in items):
        raise UsageError(f"{place} must be {'a list of texts' if many else 'a text in quotes, or a number'}")
    texts = [str(item) for item in items]
    try:
        checked = param.process_value(ctx, texts if many else texts[0])
    except typer.BadParameter as error:
        raise UsageError(f"{place} cannot be {value!r}: {plain(str(error.message))}") from None
    sure = checked if many else [checked]
    texts = [_from(file, param, text, item) for text, item in zip(texts, sure, strict=True)]
    return texts if many else texts[0]


def _from(file: Path, param: Any, text: str, value: Any) -> str:
    """A path of the file is meant from the file's folder: a nightly job starts in another one."""
    return str(file.parent / text) if is_path(param, value) else text  # an absolute path stays what it is


def is_path(param: Any, value: Any) -> bool:
    """Whether an option's value is a path; a shipped engine's name has neither a dot nor a slash."""
    if param.name in _FILES_OR_NAMES:
        return bool(set(str(value)) & set("./\\"))
    # Older Typers make a Path only when the command is called.
    return isinstance(value, Path) or getattr(getattr(param, "type", None), "name", "") == "path"


def _like(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
