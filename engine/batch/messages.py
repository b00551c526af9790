"""What the batch's main process and its workers say to each other. Imports nothing heavy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..find.found import Found
from ..lists.table import Row, utc
from ..read.film import Limits
from ..triage.points import Wish

#: Position in a job of a worker that is at no file, or runs the network on what it has read.
IDLE = -1
SCORING = -2


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is started with."""

    engine: Path
    limits: Limits
    pictures: Path | None = None  #: folder for small pictures of the films, where the run makes a page
    points: tuple[Wish | None, Wish | None] = (None, None)  #: a site's own rule-out and rule-in
    mend: bool = False  #: set films right that surely stand wrong
    patients: bytes = b""  #: the key of the patients' hashes, where a history is kept
    order: bool = False  #: keep study date and accession number beside the pictures, for the page
    door: Any = None  #: a scoring_thread.Door where the network runs in the main process, on a GPU


@dataclass(frozen=True)
class Ready:
    """A worker's first message: it has opened the engine."""

    runtime: str  #: for example `onnxruntime 1.23 CPU`
    manifest: str  #: the engine's manifest as JSON
    sha256: str = ""  #: of the engine that was loaded


@dataclass(frozen=True)
class Job:
    number: int
    files: list[Found]


@dataclass(frozen=True)
class Done:
    """Rows of a job, in its order, and the seconds spent by stage."""

    number: int
    rows: list[Row]
    seconds: dict[str, float]


def blank_row(found: Found, status: str, reason: str = "") -> Row:
    """A row that says nothing yet but which file it is about."""
    return Row(found.file, status, reason=reason, bytes=str(found.bytes), modified=utc(found.modified_ns))
