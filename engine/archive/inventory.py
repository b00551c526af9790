"""The inventory: every file of the source in discovery's order, as Parquet. What a later step says of a film, it says
by its index here."""

import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from ..errors import NotARadiograph, UnreadableRadiograph, UsageError
from ..find.found import Found, order_key
from ..find.zip_directory import Entry
from .settings import micros

FORMAT = 1
ROWS_A_GROUP = 16_384
KEY = b"xscan"
_PROBLEMS = {kind.status: kind for kind in (NotARadiograph, UnreadableRadiograph)}

SCHEMA = pyarrow.schema(
    [
        ("index", pyarrow.int64()),
        ("file", pyarrow.string()),  # as the list shows it
        ("path", pyarrow.binary()),  # below the source's root, as the system names it; of a zip's member: the zip's
        (
            "member",
            pyarrow.string(),
        ),  # where it is inside the zip: an Entry as JSON, whose numbers may have 65 bits
        ("bytes", pyarrow.uint64()),
        ("modified", pyarrow.timestamp("us", "UTC")),
        ("problem", pyarrow.string()),  # status, code and sentence of what cannot be read, as JSON
    ]
)


class Stopped(Exception):
    """Raised by what gives the files, to end the listing."""


@dataclass(frozen=True)
class Head:
    """What an inventory says of itself."""

    source: str  #: root of the paths: a folder, absolute, or a URI
    follow_links: bool
    files: int
    bytes: int
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    format: int = FORMAT
    mounts: dict[str, str] = field(default_factory=dict)  #: shown -> real path: folders on another file system


def table_of(files: Sequence[Found], first: int, root: str) -> pyarrow.Table:
    """Rows of files that were found one after another, the first of them with the index `first`."""
    prefix = len(os.path.join(root, ""))
    return pyarrow.Table.from_pylist([_row(first + i, found, prefix) for i, found in enumerate(files)], SCHEMA)


def _row(index: int, found: Found, prefix: int) -> dict[str, Any]:
    member, problem = found.member, found.problem
    entry = None
    if member is not None:
        numbers = (member.flags, member.method, member.crc, member.packed, member.unpacked, member.offset)
        entry = json.dumps([member.raw.decode("latin-1"), *numbers])
    return {
        "index": index,
        "file": found.file,
        "path": os.fsencode(found.path[prefix:]),
        "member": entry,
        "bytes": found.bytes,
        "modified": micros(found.modified_ns),
        "problem": None if problem is None else json.dumps([problem.status, problem.code, problem.detail]),
    }


class Inventory:
    """An inventory that was made whole. Raises UsageError for anything else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
            known = json.loads((self._file.metadata.metadata or {})[KEY])
            fits = known.get("format") == FORMAT and self._file.schema_arrow.equals(SCHEMA)
            self.head = Head(**known)
        except FileNotFoundError:
            raise UsageError(f"no inventory {path}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(f"{path} is no inventory of this version of xscan: let xscan archive make one") from None
        if not fits or self.head.files != self._file.metadata.num_rows:
            raise UsageError(f"{path} is no inventory of this version of xscan: let xscan archive make one")
        sizes = [self._file.metadata.row_group(i).num_rows for i in range(self._file.metadata.num_row_groups)]
        self._starts = [0]
        for size in sizes:
            self._starts.append(self._starts[-1] + size)
        self._held: tuple[int, pyarrow.Table] | None = None  # the group that was read last

    def rows(self, start: int, stop: int) -> pyarrow.Table:
        """The rows of a range of indices. Raises UsageError where the file was damaged since."""
        parts = []
        for group, (first, behind) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            if first < stop and start < behind:
                table = self._group(group)
                parts.append(table.slice(max(0, start - first), min(stop, behind) - max(start, first)))
        return pyarrow.concat_tables(parts) if parts else SCHEMA.empty_table()

    def _group(self, number: int) -> pyarrow.Table:
        if self._held is None or self._held[0] != number:
            try:
                self._held = number, self._file.read_row_group(number)
            except (OSError, ValueError):
                raise UsageError(f"{self.path} is damaged: add --restart to make it anew") from None
        return self._held[1]

    def check_order(self) -> None:
        """Raise UsageError where the indices or the order are not those of a listing, as in a file that was edited."""
        last: tuple[str, ...] | None = None
        for group in range(self._file.metadata.num_row_groups):
            table = self._group(group)
            first = self._starts[group]
            wrong = table["index"].to_pylist() != list(range(first, first + len(table)))
            for file in table["file"].to_pylist():
                key = order_key(file)
                wrong = wrong or (last is not None and key < last)
                last = key
            if wrong:
                raise UsageError(f"{self.path} is not in the order of a listing, or was changed: make it anew")


def as_found(table: pyarrow.Table, root: str) -> Iterator[Found]:
    """What `discover` had found, with the paths that this machine has below `root`."""
    above = os.path.join(root, "")
    columns = [table[name].to_pylist() for name in ("file", "path", "member", "bytes", "problem")]
    times = table["modified"].cast(pyarrow.int64()).to_pylist()
    for file, path, member, size, problem, modified in zip(*columns, times, strict=True):
        entry = fault = None
        if member is not None:
            raw, *numbers = json.loads(member)
            entry = Entry(raw.encode("latin-1"), *numbers)
        if problem is not None:
            status, code, detail = json.loads(problem)
            fault = _PROBLEMS[status](code, detail)
        yield Found(file, above + os.fsdecode(path), entry, size, modified * 1000, fault)


class Clock:
    """Calls no more often than so many times a second."""

    def __init__(self, seconds: float = 0.2) -> None:
        self._seconds = seconds
        self._next = 0.0

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
