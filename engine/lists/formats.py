"""The finished list in other formats, beside the CSV: JSON Lines, Parquet, and a CSV for a spreadsheet."""

import codecs
import csv as csv_format
import io
import json
import locale
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from ..disk.hostile import as_json, cell
from ..disk.overwrite import made_here, reading, start_of
from ..disk.replace import replacing
from ..errors import OutputError
from ..machine.install import require
from .table import COLUMNS, Row, beside, rows_in

FORMATS = ("csv", "jsonl", "parquet", "excel")
_NUMBERS = {"p_normal": float, "p_bacteria": float, "p_virus": float, "p_pneumonia": float, "bytes": int}
_ROWS_A_GROUP = 10_000

_MOST_FOOTER = 1 << 26  #: bytes of a Parquet file's footer; a list of two million films has 0.5 MB
_MOST_LINE = 1 << 18  #: bytes of a JSON line: a name of 4,096 letters, each escaped, and the rest
# A footer in Thrift's compact form, as Parquet has it: the version, then the schema: a root with 15 elements below it
# (parquet.thrift, FileMetaData). Read as bytes: whose file it is nobody knows yet.
_FOOTER = re.compile(
    rb"\x15.\x19\xfc\x10.{0,8}\x06schema\x15\x1e" + b"".join(rb".{1,24}?" + name.encode() for name in COLUMNS),
    re.DOTALL,
)


def _require_jsonl(path: Path) -> None:
    """Raise OutputError if something else than a list's JSON lines stands at `path`: the columns, and no others."""
    if not start_of(path):
        return
    with reading(path), path.open("rb") as stream:
        line = stream.readline(_MOST_LINE)
    try:
        row = json.loads(line)
        if isinstance(row, dict) and tuple(row) == COLUMNS:
            return
    except (ValueError, RecursionError):
        pass
    raise OutputError(f"{path} exists and is no list of xscan: give another name, or delete it")


def _require_parquet(path: Path) -> None:
    """The same for Parquet."""
    if not start_of(path):
        return
    with reading(path), path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 8))
        end = stream.read()
        length = int.from_bytes(end[:4], "little")
        if end[4:] == b"PAR1" and length <= min(_MOST_FOOTER, size - 12):
            stream.seek(size - 8 - length)
            if _FOOTER.match(stream.read(1024)):
                return
    raise OutputError(f"{path} exists and is no list of xscan: give another name, or delete it")


#: What of each format may stand there already, and is replaced.
OURS = {
    "jsonl": _require_jsonl,
    "parquet": _require_parquet,
    "excel": made_here("list for a spreadsheet", codecs.BOM_UTF8 + b"file", b"sop_uid"),
}


def check_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """Those of FORMATS that are asked for, each once. Raises UsageError where Parquet's library is not installed."""
    wanted = tuple(dict.fromkeys(formats))
    if "parquet" in wanted:
        require("pyarrow")
    return wanted


def target_of(csv: Path, name: str) -> Path:
    """Where a list stands in another format. The spreadsheet's is never taken for the list: name and start differ."""
    return beside(csv, ".excel.csv" if name == "excel" else f".{name}")


def convert(csv: Path, formats: Iterable[str]) -> list[Path]:
    """Write the list again in each format but CSV, beside it, in bounded memory; returns the files written."""
    writers = {"jsonl": _write_jsonl, "parquet": _write_parquet, "excel": _write_excel}
    written = []
    for name in formats:
        if name == "csv":
            continue
        target = target_of(csv, name)
        with replacing(target, OURS[name], private=True) as stream:
            writers[name](stream, map(_as_values, rows_in(csv)))
        written.append(target)
    return written


def _as_values(row: Row) -> dict[str, Any]:
    """Column -> value; an empty cell is None."""
    cells: dict[str, str | float | None] = {name: getattr(row, name) or None for name in COLUMNS}
    return cells | {name: kind(cell) for name, kind in _NUMBERS.items() if (cell := cells[name]) is not None}


def _write_jsonl(stream: BinaryIO, rows: Iterator[dict[str, Any]]) -> None:
    for row in rows:
        stream.write((as_json(row) + "\n").encode())


def _write_excel(stream: BinaryIO, rows: Iterator[dict[str, Any]]) -> None:
    """What a double click opens well: a byte order mark, CRLF, this system's separator and decimal sign."""
    decimal = decimal_sign()
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv_format.writer(text, delimiter=";" if decimal == "," else ",")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_spread(value, decimal) for value in row.values()])
    text.detach()


def _spread(value: Any, decimal: str) -> str:
    if isinstance(value, float):
        return f"{value:.4f}".replace(".", decimal)
    return cell(str(value)) if isinstance(value, str) else "" if value is None else str(value)


def decimal_sign() -> str:
    """Of this user's region: a comma goes with semicolons between cells."""
    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        locale.setlocale(locale.LC_NUMERIC, "")
        return "," if locale.localeconv()["decimal_point"] == "," else "."
    except locale.Error:  # a region that is not installed
        return "."
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)


def _write_parquet(stream: BinaryIO, rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    kinds: dict[type | None, Any] = {float: pyarrow.float64(), int: pyarrow.int64(), None: pyarrow.string()}
    schema = pyarrow.schema([(name, kinds[_NUMBERS.get(name)]) for name in COLUMNS])
    with pyarrow.parquet.ParquetWriter(stream, schema) as writer:
        while group := list(islice(rows, _ROWS_A_GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
