"""What the walk finds, and the order it finds it in."""

from dataclasses import dataclass

from ..errors import FileProblem
from .zip_directory import Entry


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the scanned folder. `problem` is set when it is known already that it cannot be read."""

    file: str  #: relative to the scanned folder, forward slashes; a zip's member is `export.zip/...`
    path: str  #: the real file, or the zip that holds it
    member: Entry | None = None  #: where it is inside the zip
    bytes: int = 0  #: size; of a zip's member: unpacked
    modified_ns: int = 0  #: a zip's member has the zip's own time: a changed zip means changed members
    problem: FileProblem | None = None


def order_key(file: str) -> tuple[str, ...]:
    """The key by which `discover` yields: sorting `Found.file` values with it gives discovery's order."""
    return tuple(file.split("/"))
