"""The PACS that xscan.toml describes: its tables [pacs.NAME]."""

from pathlib import Path
from typing import TYPE_CHECKING

from xscan.engine.errors import UsageError

from .file import current, table

if TYPE_CHECKING:
    from xscan.engine.pacs.destinations import Destination


def destination(name: str) -> "Destination":
    """The destination [pacs.NAME] of the settings file in force. Raises UsageError."""
    from xscan.engine.pacs.destinations import named

    file = current().file
    if file is None:
        raise UsageError(
            f"no settings file, so no [pacs.{name}]: write xscan.toml with its aet, host and port, as in docs/pacs.md"
        )
    return named(table("pacs"), name, file.parent)


def state_folder(given: Path | None) -> Path:
    """Where xscan keeps what it knows of a PACS: what was fetched, what is to be sent."""
    from .state import state

    return given or state() / "pacs"
