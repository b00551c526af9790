"""The triage list as CSV: one row for every file of the folder, in discovery's order.

The columns are a contract (docs/output.md). The file is UTF-8 with `\\n` line ends. A cell that a
spreadsheet would take for a formula, also behind a semicolon or tab in it, gets a `'` there, which reading takes off.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..disk.hostile import cell, uncell
from ..disk.overwrite import reading, start_of
from ..errors import OutputError

_SPECIAL = re.compile(r'[",\r\n]')
# What is written can be read back: the longest name of a zip is 65,535 bytes, four characters each as it is shown.
csv.field_size_limit(1 << 20)


class Note(NamedTuple):
    """What the history is told of a film besides its row; it stands in no list."""

    patient: str = ""  #: keyed hash of the PatientID
    taken: str = ""  #: DICOM's StudyDate, 20260131
    gate: str = ""  #: the network's gate scores, three decimals, with spaces


@dataclass(slots=True)
class Row:
    """One line of the list; every value as the CSV shows it, '' where there is none."""

    file: str
    status: str  #: ok, review, skipped, failed
    priority: str = ""  #: urgent, review, routine
    finding: str = ""  #: normal, bacteria, virus, pneumonia
    p_normal: str = ""
    p_bacteria: str = ""
    p_virus: str = ""
    p_pneumonia: str = ""
    reason: str = ""  #: a code of engine/reasons.py, a colon, our own sentence
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    model: str = ""
    bytes: str = ""
    modified: str = ""  #: UTC, ISO 8601, microseconds
    note: Note | None = field(
        default=None, compare=False, repr=False, kw_only=True
    )  #: no column: for the history alone

    @property
    def code(self) -> str:
        """The stable part of `reason`."""
        return self.reason.partition(":")[0]


COLUMNS = tuple(column.name for column in fields(Row) if column.name != "note")
_cells = attrgetter(*COLUMNS)
HEADER = (",".join(COLUMNS) + "\n").encode()


def beside(csv: Path, ending: str) -> Path:
    """What stands beside a list: `night.csv` -> `night.html`; any other name keeps all of itself."""
    return csv.with_suffix(ending) if csv.suffix == ".csv" else csv.with_name(csv.name + ending)


def utc(modified_ns: int) -> str:
    """Nanoseconds since the epoch -> `2026-01-31T02:00:00.000000Z`; '' for a time no calendar has."""
    try:
        stamp = datetime.fromtimestamp(modified_ns // 1_000_000_000, UTC)
    except (ValueError, OSError, OverflowError):
        return ""
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{modified_ns // 1000 % 1_000_000:06d}Z"


def modified_ns(text: str) -> int:
    """What `utc` was made from, but for the last three digits; 0 for a time no calendar has."""
    try:
        stamp = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return 0
    since = stamp - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def encode(rows: Iterable[Row]) -> bytes:
    """The rows as CSV lines (RFC 4180 but for the line end)."""
    return "".join(",".join(map(encode_cell, _cells(row))) + "\n" for row in rows).encode()


def encode_cell(text: str) -> str:
    """A cell as it stands in a list; `uncell` takes off again what a spreadsheet needs."""
    text = cell(text)
    # Not csv.writer: it leaves a lone carriage return unquoted, which its own reader then refuses.
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def rows_in(path: Path) -> Iterator[Row]:
    """The rows of the list at `path`, one at a time. Raises OutputError and, where it cannot be read, StorageError."""
    with reading(path), path.open("rb") as stream:
        yield from read_rows(stream, called=path.name)


def read_rows(stream: BinaryIO, size: int | None = None, called: str = "the CSV") -> Iterator[Row]:
    """Rows of a list, one at a time; a torn last line (of a killed run) is dropped.

    size: bytes of it to read, from its start; all, where None.
    called: what an error calls it. Raises OutputError when it is no triage list of this version of xscan, or damaged.
    """
    header = stream.readline()
    if header.rstrip(b"\r\n") != HEADER.rstrip(b"\n"):
        raise OutputError(f"{called} is no triage list of this version of xscan")
    left = None if size is None else size - len(header)
    lines = (line.decode("utf-8") for line in _whole_lines(stream, left))
    try:
        for cells in csv.reader(lines):
            if len(cells) != len(COLUMNS):
                raise OutputError(f"{called} is damaged: a row has too many or too few columns")
            row = Row(*map(uncell, cells))
            if not _numbers_fit(row):
                raise OutputError(f"{called} is damaged: a scored row without its numbers")
            yield row
    except (csv.Error, UnicodeDecodeError):
        raise OutputError(f"{called} is damaged: a row cannot be read") from None


def _numbers_fit(row: Row) -> bool:
    """A scored row has its score, and what stands where a probability belongs is one."""
    if row.priority and not row.p_pneumonia:
        return False
    try:
        return all(0 <= float(p) <= 1 for p in (row.p_normal, row.p_bacteria, row.p_virus, row.p_pneumonia) if p)
    except ValueError:
        return False


def _whole_lines(stream: BinaryIO, left: int | None) -> Iterator[bytes]:
    """Lines up to the last record that ends in a line end outside quotes."""
    held: list[bytes] = []
    quotes = 0
    for line in stream:
        if left is not None:
            left -= len(line)
            if left < 0:
                return
        held.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0 and line.endswith(b"\n"):
            yield from held
            held, quotes = [], 0


def begins_as_list(start: bytes) -> bool:
    """Whether a file that begins so may be a triage list: nothing yet, or its header."""
    return HEADER.startswith(start) or start.startswith(HEADER.rstrip(b"\n"))


def require_list(path: Path) -> None:
    """Raise OutputError if something else than a triage list stands at `path`."""
    if not begins_as_list(start_of(path)):
        raise OutputError(
            f"{path} exists and is no triage list of this version of xscan, or another program has changed it: "
            "give another --out, or delete it"
        )
