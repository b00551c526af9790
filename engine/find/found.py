"""What the walk finds, the order it finds it in, and how names are shown."""

import os
import re
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


MAX_NAME = 4096  #: letters of a path or a zip member's name as shown; no file system has longer ones

_LIKE_A_BYTE = re.compile(r"\\(?=x[0-9a-f]{2})")
_BYTE = re.compile(rb"\\x([0-9a-f]{2})")


def shown_name(name: str) -> str:
    """A file name as text that can be written: bytes that are no UTF-8 become \\xHH.

    A name that has such letters itself has \\x5c for their backslash: no two names are shown alike.
    """
    if "\\x" in name and os.name != "nt":  # there no name has a backslash
        name = _LIKE_A_BYTE.sub(r"\\x5c", name)
    if name.isascii():
        return name
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a letter of UTF-16, which only Windows has in names
        raw = name.encode("utf-8", "replace")
    return raw.decode("utf-8", "backslashreplace")


def real_name(shown: str) -> str:
    """The name, or path, that is shown so."""
    if os.name == "nt" or "\\x" not in shown:
        return shown
    return os.fsdecode(_BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), shown.encode()))


def order_key(file: str) -> tuple[str, ...]:
    """The key by which `discover` yields: sorting `Found.file` values with it gives discovery's order."""
    return tuple(file.split("/"))
