"""Where this machine keeps its history: the table [nights] of xscan.toml, else the system's own place for it."""

from pathlib import Path

from xscan.engine.errors import UsageError

from .file import NAME, current, table


def state() -> Path:
    """The folder of history and audit log. Raises UsageError."""
    from xscan.engine.nights.state import state_folder

    settings = table("nights")
    if unknown := sorted(settings.keys() - {"state"}):
        raise UsageError(f"{NAME}: [nights] has no '{unknown[0]}': it takes state, a folder")
    named = settings.get("state", "")
    if not isinstance(named, str):
        raise UsageError(f"{NAME}: [nights] state must be a text in quotes: the folder of the history")
    file = current().file
    return file.parent / named if named and file is not None else state_folder()
