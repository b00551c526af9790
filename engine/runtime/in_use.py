"""The engine that a person chose for this machine: `xscan engine use`, and `back` to the one before.

Kept beside the engines that were built here, with who accepted each and why. Nobody names it on a command line, so a
list that another engine made is scored again, and the run says so.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..disk.overwrite import in_own_folder, reading
from ..disk.replace import replace_bytes
from ..errors import EngineError, UsageError
from ..network.sidecar import read_whole, sha256
from .open import shipped

NAME = "in-use.json"


@dataclass(frozen=True)
class Use:
    """One change of engine, with its note."""

    engine: str  #: a shipped network's name, or the path of a file; '' is what xscan takes by itself
    sha256: str
    since: str
    why: str = ""
    measured: str = ""  #: such as a report's hash, or a figure
    accepted_by: str = ""


def uses(folder: Path) -> list[Use]:
    """The changes so far, the last one in force. Raises EngineError for a damaged file, StorageError, OutputError."""
    file = folder / NAME
    try:
        with reading(file):  # a disk that fails is no damage: `use` would begin anew, and forget
            if not file.exists():
                return []
            content = json.loads(file.read_bytes())
        return [Use(**entry) for entry in content["uses"]]
    except (ValueError, KeyError, TypeError):
        raise EngineError(f"{file} is damaged: choose the engine again with xscan engine use") from None


def use(folder: Path, engine: str, path: Path, since: str, **note: str) -> Use:
    """Take an engine from now on. engine: as named; path: its file. Raises EngineError, OutputError, StorageError."""
    named = engine if engine in shipped() else str(path.resolve())
    chosen = Use(named, sha256(read_whole(path)), since, **note)
    try:
        earlier = uses(folder)
    except EngineError:  # damaged: begun anew
        earlier = []
    _write(folder, [*earlier, chosen])
    return chosen


def back(folder: Path) -> Use | None:
    """Take away the last change; returns the one in force then, None for xscan's own choice. Raises UsageError."""
    earlier = uses(folder)
    if not earlier:
        raise UsageError("there is no change to take back: xscan engine use has chosen no engine here")
    _write(folder, earlier[:-1])
    return earlier[-2] if len(earlier) > 1 else None


def _write(folder: Path, changes: list[Use]) -> None:
    content = {"format": 1, "uses": [asdict(change) for change in changes]}
    replace_bytes(folder / NAME, (json.dumps(content, indent=1) + "\n").encode(), in_own_folder, private=True)
