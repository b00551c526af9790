"""The films that a list's rows are about: found again in their folder, to be read again when a result is sent."""

import base64
import json
import os
import stat
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from ..errors import UsageError
from ..find.discover import discover
from ..find.found import Found, order_key
from ..find.zip_directory import Entry
from ..lists.run_report import RunReport
from ..lists.table import Row


def find_films(folder: Path, rows: Iterable[Row]) -> Iterator[tuple[Row, Found | None]]:
    """Each row with its film; None where it is gone or has another size. The rows come in the list's order.

    Plain files are looked for where the row says, without a walk; the members of zips and what stands behind a link
    are found by one. Raises UsageError when the folder cannot be listed.
    """
    walk: Iterator[Found] | None = None
    ahead: Found | None = None
    for row in rows:
        found = _directly(folder, row)
        if found is None:
            if walk is None:
                walk = discover(folder, follow_links=True)
                ahead = next(walk, None)
            wanted = order_key(row.file)
            while ahead is not None and order_key(ahead.file) < wanted:
                ahead = next(walk, None)
            found = ahead if ahead is not None and ahead.file == row.file else None
        yield row, found if found is not None and str(found.bytes) == row.bytes else None


def _directly(folder: Path, row: Row) -> Found | None:
    parts = row.file.split("/")
    if (os.sep != "/" and os.sep in row.file) or ".." in parts or "" in parts:
        return None
    path = os.path.join(os.path.abspath(folder), *parts)
    try:
        status = os.stat(path)
        if os.path.realpath(path) != os.path.join(os.path.realpath(folder), *parts):  # by a link: the walk knows
            return None
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or str(status.st_size) != row.bytes:
        return None
    return Found(row.file, path, None, status.st_size, status.st_mtime_ns)


def folder_of(csv: Path) -> Path:
    """The scanned folder of a list, by the digest in its run report: the list's own, the current one, or one in them.

    Raises UsageError where none of these is it.
    """
    report = RunReport.read(csv)
    digest = report.settings.get("folder") if report else None
    for place in dict.fromkeys((csv.absolute().parent, Path.cwd())):
        candidates = [place]
        try:
            candidates += [path for path in sorted(place.iterdir()) if path.is_dir() and not path.is_symlink()]
        except OSError:
            pass
        for path in candidates:
            if digest == sha256(os.path.abspath(path).encode("utf-8", "surrogateescape")).hexdigest()[:16]:
                return path
    raise UsageError(f"where are the films of {csv}? give the folder that was scanned, behind the list")


def to_text(found: Found) -> str:
    """For the outbox. A path of bytes that are no text keeps them."""
    entry = found.member
    member = None
    if entry is not None:
        raw = base64.b64encode(entry.raw).decode()
        member = [raw, entry.flags, entry.method, entry.crc, entry.packed, entry.unpacked, entry.offset]
    path = base64.b64encode(os.fsencode(found.path)).decode()
    return json.dumps({"path": path, "member": member, "bytes": found.bytes})


def from_text(file: str, text: str) -> Found:
    content = json.loads(text)
    member = content["member"]
    entry = Entry(base64.b64decode(member[0]), *member[1:]) if member else None
    return Found(file, os.fsdecode(base64.b64decode(content["path"])), entry, content["bytes"])
