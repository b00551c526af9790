"""What xscan may replace: nothing but what it wrote itself.

One mistyped option, such as `--report-file films/0001.jpeg`, must not cost a radiograph, nor a list.
"""

import contextlib
import os
import re
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from ..errors import OutputError, StorageError, UsageError

_START = 4096  #: bytes that are looked at
#: In the head of every page of xscan: how one is known again. A page of a site's own may speak of xscan, too.
GENERATOR = '<meta name="generator" content="xscan">'
_PAGE_MARKS = (
    GENERATOR.encode(),
    b"content=\"default-src 'none'; img-src data:; ",
)  #: the second: of before 2026-11-29
_LOG_LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")


def require_page(path: Path) -> None:
    """Raise OutputError if something else than a page of xscan stands at `path`."""
    start = start_of(path)
    if start and not (start.startswith(b"<!doctype html>") and any(mark in start for mark in _PAGE_MARKS)):
        raise OutputError(f"{path} exists and is no page of xscan: give another name, or delete it")


def require_log(path: Path) -> None:
    """Raise OutputError if something else than a log of xscan stands at `path`."""
    if (start := start_of(path)) and not _LOG_LINE.match(start):
        raise OutputError(f"{path} exists and is no log of xscan: give another --log-file, or delete it")


def made_here(kind: str, start: bytes, mark: bytes = b"") -> Callable[[Path], None]:
    """A check that raises OutputError if something else than xscan's own file stands at a path.

    Its own begins with `start` and has `mark` in its first bytes. kind: what it is, for people.
    """

    def require(path: Path) -> None:
        if (found := start_of(path)) and not (found.startswith(start) and mark in found):
            raise OutputError(f"{path} exists and is no {kind} of xscan: give another name, or delete it")

    return require


def in_own_folder(_: Path) -> None:
    """For names in a folder that xscan made for itself, such as a training run's: all in it is its own."""


def require_absent(path: Path) -> None:
    """Raise OutputError if anything stands at `path`."""
    if os.path.lexists(path):
        raise OutputError(f"{path} exists: give another name, or delete it")


def require_apart(outputs: Mapping[str, Path | None]) -> None:
    """Raise UsageError if two outputs, by the option that names each, are one file."""
    seen: dict[str, str] = {}
    for option, path in outputs.items():
        if path is not None and (other := seen.setdefault(os.path.realpath(path), option)) != option:
            raise UsageError(f"{other} and {option} name the same file: give each its own")


def start_of(path: Path) -> bytes:
    """The first bytes of a file; none of an absent one, nor of nothing but zeros (a power cut).

    Raises OutputError or StorageError for one that cannot be read: whose it is nobody can tell.
    """
    try:
        with path.open("rb") as stream:
            start = chunk = stream.read(_START)
            while chunk and not chunk.strip(b"\0"):
                chunk = stream.read(1 << 20)
            return start if chunk else b""
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):  # of a folder, who writes it will say so
        return b""
    except OSError as error:
        raise unreadable(path, error) from None


@contextlib.contextmanager
def reading(path: Path) -> Generator[None]:
    """Turn a failure to read an output into OutputError or StorageError: amid a file the system names none."""
    try:
        yield
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> OutputError | StorageError:
    """What to tell of an output that cannot be read."""
    if isinstance(error, PermissionError):
        return OutputError(f"{path} cannot be read: check its permissions, or give another name")
    return StorageError(
        f"{path.name} cannot be read: bring its disk or share back and run the same command again, it carries on"
    )
