"""What earlier runs left of a list: proven to be as xscan wrote it, and kept; or set aside, told of, and made again.

A row is kept only where its bytes are those that xscan wrote: of a finished list by the digest in the run report, of an
interrupted run by the chain of digests in NAME.csv.sums, a line for each write. A band that somebody changed by hand,
a list that a spreadsheet saved again, zeros of a power cut: none of it costs a night, and none of it is kept.
"""

import csv as csv_format
import hashlib
import heapq
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from ..disk.overwrite import reading, start_of
from ..disk.replace import move, replacing, require_plain, write_all
from ..errors import OutputError
from ..find.found import order_key
from .run_report import RunReport, digest_of
from .table import HEADER, Row, begins_as_list, encode, read_rows, require_list

SUMS = b"xscan sums of a list that is being written\n"
_SUM = re.compile(rb"(\d{1,19}) ([0-9a-f]{64})\n")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class EarlierRow:
    row: Row
    finished: bool  #: from a finished list, not from an interrupted run
    usable: bool = True  #: made with the settings of this run; else it only says that the file was there


def rows_of(path: Path, finished: bool, usable: bool = True) -> Iterator[EarlierRow]:
    """The rows of a list, whole or cut off; none of one that was cut before its header ended.

    Raises OutputError, StorageError.
    """
    with reading(path), path.open("rb") as stream:
        if not stream.readline().endswith(b"\n"):
            return
        stream.seek(0)
        for row in read_rows(stream):
            yield EarlierRow(row, finished, usable)


def merged(sources: list[Iterator[EarlierRow]]) -> Iterator[EarlierRow]:
    """Rows of several lists in discovery's order; of two rows for one file the unfinished list's counts."""
    both = heapq.merge(*sources, key=lambda e: (order_key(e.row.file), e.finished))
    for _, same in groupby(both, key=lambda e: e.row.file):
        yield next(same)


def is_altered_list(path: Path, report: RunReport | None) -> bool:
    """Whether a list stands at `path` that is no more as xscan wrote it, by its first bytes.

    Its header saved by a spreadsheet, or nothing but zeros; or anything where a run report says that a list was there.
    Raises OutputError for a link, a folder, and for what is not xscan's or may not be read; StorageError.
    """
    require_plain(path)
    start = start_of(path)  # what cannot be read is not damaged
    if begins_as_list(start):
        return not start and path.exists() and path.stat().st_size > 0
    if report is None and not _is_header(start):
        require_list(path)
    return True


def _is_header(start: bytes) -> bool:
    """Whether a file's first line is a list's header as a spreadsheet writes it: other separators, quotes, a BOM."""
    line = start.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].strip(b"\r\n\0 ")
    try:
        [cells] = csv_format.reader([re.sub(r"[;\t]", ",", line.decode())])
    except (ValueError, csv_format.Error):
        return False
    return cells == HEADER.decode().strip().split(",")


def is_proven(path: Path, report: RunReport | None) -> bool:
    """Whether a list's content is what the run report says that xscan wrote."""
    return report is not None and path.exists() and digest_of(path) in report.sha256


def set_aside(path: Path) -> Path:
    """Rename a list that cannot be relied on, under a name that says so; nothing is lost. Raises StorageError."""
    name = f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    target, number = path.with_name(name), 1
    while os.path.lexists(target):
        number += 1
        target = path.with_name(f"{name}-{number}")
    move(path, target)
    return target


class Sums:
    """The chain of digests of a list that is being written: how much of it is on the disk as it was written."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._size = 0
        write_all(stream, SUMS)

    def add(self, content: bytes) -> None:
        """Note that `content` has been appended to the list. Raises OSError."""
        self._digest.update(content)
        self._size += len(content)
        write_all(self._stream, b"%d %s\n" % (self._size, self._digest.hexdigest().encode()))

    def close(self) -> None:
        self._stream.close()


def require_sums(path: Path) -> None:
    """Raise OutputError if something else than a list's sums, whole or damaged, stands at `path`."""
    start = start_of(path)
    torn = start.rstrip(b"\0")  # a machine that lost its power can leave zeros
    if not SUMS.startswith(torn[: len(SUMS)]) and _SUM.search(start) is None:
        raise OutputError(f"{path} exists and is not xscan's: rename it, or give another --out")


def proven_bytes(part: Path, sums: Path) -> tuple[int, bool]:
    """How many bytes of an unfinished list are as they were written; and whether any later one was changed.

    What was written after the last sum, by a run that was killed in between, is neither.
    """
    proven, altered = 0, False
    digest = hashlib.sha256()
    try:
        lines = sums.open("rb")
    except OSError:
        return 0, part.stat().st_size > len(HEADER)
    with lines, part.open("rb") as stream:
        if lines.readline() != SUMS:  # of a run that could not begin, perhaps: then nothing is in the list yet
            return 0, part.stat().st_size > len(HEADER)
        for line in lines:
            found = _SUM.fullmatch(line)
            if found is None:  # cut, or damaged: nothing after it can be told
                break
            wanted = int(found[1]) - proven
            content = stream.read(max(wanted, 0)) if wanted <= _CHUNK * 64 else b""
            digest.update(content)
            if digest.hexdigest().encode() != found[2]:
                altered = len(content) == wanted  # all there, but other bytes; else cut
                break
            proven = int(found[1])
    return proven, altered


def put_together(target: Path, part: Path, proven: int, announce: Callable[[str], None]) -> None:
    """Write `target`, the rows of an interrupted run: those of `part`, as far as they are proven, and `target`'s own.

    announce: is told the new file's digest before it stands there. Raises OutputError, StorageError.
    """
    digest = hashlib.sha256()
    with replacing(target, require_list, private=True) as stream:
        sources = [_cut(part, proven)] + ([rows_of(target, True)] if target.exists() else [])
        for content in _encoded(merged(sources)):
            stream.write(content)
            digest.update(content)
        announce(digest.hexdigest())


def _encoded(rows: Iterator[EarlierRow]) -> Iterator[bytes]:
    yield HEADER
    for earlier in rows:
        yield encode([earlier.row])


def _cut(part: Path, proven: int) -> Iterator[EarlierRow]:
    with part.open("rb") as stream:
        if proven < len(HEADER):
            return
        for row in read_rows(stream, proven):
            yield EarlierRow(row, False)
