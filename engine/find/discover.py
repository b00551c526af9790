"""Find every file of a folder, in one order on every machine, without reading any picture.

The order is that of the tuples of path components: depth first, a folder's files, sub-folders and zips
sorted together by name (code point by code point). A zip is walked like a folder. Memory stays bounded:
names of a very large folder are sorted in runs on disk and merged.

Links are followed, to files and to folders. A link to a folder that the walk is already inside becomes
one row (`skipped: link-loop`); a link to nothing becomes one row (`failed: broken-link`).
"""

import contextlib
import heapq
import os
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from ..errors import FileProblem, NotARadiograph, UnreadableRadiograph, UsageError
from . import zips
from .found import Found

NAMES_A_RUN = 50_000  #: names of one folder held in memory; a larger folder is sorted on disk


def discover(folder: Path, exclude: Collection[Path] = ()) -> Iterator[Found]:
    """Yield every file below `folder`, sorted by `order_key`, one at a time as the walk reaches it.

    exclude: files (or folders) that get no row: xscan's own outputs.
    Raise UsageError when `folder` itself cannot be listed; anything below it becomes a row instead.
    """
    root = os.path.abspath(folder)
    excluded = {_same_path(path) for path in exclude}
    try:
        entries = _sorted_names(root)
        identity = _identity(os.stat(root))
    except OSError:
        raise UsageError(f"cannot list the folder {folder}: check that it exists and may be read") from None
    # One level of the walk: names still to visit, the real path, the path shown, who the folder is.
    walk: list[tuple[Iterator[str], str, str, tuple[int, int]]] = [(entries, root, "", identity)]
    while walk:
        entries, real, shown, _ = walk[-1]
        name = next(entries, None)
        if name is None:
            walk.pop()
            continue
        path = os.path.join(real, name)
        file = shown + _showable(name)
        if excluded and _same_path(path) in excluded:
            continue
        try:
            status = os.stat(path)
        except OSError:
            problem = _why_no_stat(path)
            yield Found(file, path, problem=problem)
            continue
        if stat.S_ISDIR(status.st_mode):
            identity = _identity(status)
            if any(identity == level[3] for level in walk):
                yield Found(file, path, problem=NotARadiograph("link-loop", "a link to a folder it is in"))
                continue
            try:
                walk.append((_sorted_names(path), path, file + "/", identity))
            except OSError:
                problem = UnreadableRadiograph("unreadable-folder", "the folder may not be listed")
                yield Found(file, path, problem=problem)
        elif not stat.S_ISREG(status.st_mode):
            problem = NotARadiograph("not-a-file", "a device, pipe or socket")
            yield Found(file, path, problem=problem)
        elif name.lower().endswith(".zip") and zips.is_zip(path):
            yield from _members(file, path, status)
        else:
            yield Found(file, path, None, status.st_size, status.st_mtime_ns)


def _members(file: str, path: str, status: os.stat_result) -> Iterator[Found]:
    try:
        members = zips.members(path)
    except FileProblem as problem:
        yield Found(file, path, None, status.st_size, status.st_mtime_ns, problem)
        return
    for member in members:
        shown = f"{file}/{member.shown}"
        yield Found(shown, path, member.name, member.bytes, status.st_mtime_ns, member.problem)


def _sorted_names(folder: str) -> Iterator[str]:
    """The names in one folder, sorted by how they are shown. Raise OSError if it cannot be listed."""
    runs: list[Iterator[str]] = []
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) == NAMES_A_RUN:
                runs.append(_spill(sorted(names, key=_name_key)))
                names = []
    names.sort(key=_name_key)
    if not runs:
        return iter(names)
    return heapq.merge(*runs, names, key=_name_key)


def _spill(names: Iterable[str]) -> Iterator[str]:
    """Write one sorted run to a nameless temporary file; the iterator reads it back, then drops it."""
    run = tempfile.TemporaryFile("w+b")  # noqa: SIM115 (closed by the reader below)
    # A null byte is the one character that no file system has in a name.
    run.write(b"\0".join(name.encode("utf-8", "surrogatepass") for name in names) + b"\0")
    run.seek(0)

    def read() -> Iterator[str]:
        with run:
            rest = b""
            while chunk := run.read(1 << 16):
                *whole, rest = (rest + chunk).split(b"\0")
                for name in whole:
                    yield name.decode("utf-8", "surrogatepass")

    return read()


def _name_key(name: str) -> tuple[str, str]:
    return _showable(name), name


def _showable(name: str) -> str:
    """A file name as text that can be written: bytes that are no UTF-8 become \\xHH."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape" if os.name != "nt" else "replace").decode("utf-8", "backslashreplace")


def _why_no_stat(path: str) -> FileProblem:
    with contextlib.suppress(OSError):
        if os.path.islink(path):
            return UnreadableRadiograph("broken-link", "a link to a file that is not there")
    if not os.path.lexists(path):
        return UnreadableRadiograph("vanished", "gone between listing and reading")
    return UnreadableRadiograph("unreadable", "the file may not be read")


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _same_path(path: str | Path) -> str:
    return os.path.normcase(os.path.abspath(path))
