"""The finished list in other formats, beside the CSV: JSON Lines and Parquet. Numbers become numbers there."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from ..disk.hostile import as_json
from ..disk.overwrite import made_here
from ..disk.replace import replacing
from ..machine.install import require
from .table import COLUMNS, Row, beside, read_rows

FORMATS = ("csv", "jsonl", "parquet")
_NUMBERS = {"p_normal": float, "p_bacteria": float, "p_virus": float, "p_pneumonia": float, "bytes": int}
_ROWS_A_GROUP = 10_000

#: What of each format may stand there already, and is replaced.
OURS = {
    "jsonl": made_here("list", b'{"file": ', b'"sop_uid": '),
    "parquet": made_here("list", b"PAR1"),
}


def check_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """Those of FORMATS that are asked for, each once. Raises UsageError where Parquet's library is not installed."""
    wanted = tuple(dict.fromkeys(formats))
    if "parquet" in wanted:
        require("pyarrow")
    return wanted


def convert(csv: Path, formats: Iterable[str]) -> list[Path]:
    """Write the list again in each format but CSV, beside it, in bounded memory; returns the files written."""
    writers = {"jsonl": _write_jsonl, "parquet": _write_parquet}
    written = []
    for name in formats:
        if name == "csv":
            continue
        target = beside(csv, f".{name}")
        with csv.open("rb") as rows, replacing(target, OURS[name], private=True) as stream:
            writers[name](stream, map(_as_values, read_rows(rows)))
        written.append(target)
    return written


def _as_values(row: Row) -> dict[str, Any]:
    """Column -> value; an empty cell is None."""
    cells = {name: getattr(row, name) or None for name in COLUMNS}
    return cells | {name: kind(cells[name]) for name, kind in _NUMBERS.items() if cells[name] is not None}


def _write_jsonl(stream: BinaryIO, rows: Iterator[dict[str, Any]]) -> None:
    for row in rows:
        stream.write((as_json(row) + "\n").encode())


def _write_parquet(stream: BinaryIO, rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    kinds = {float: pyarrow.float64(), int: pyarrow.int64()}
    schema = pyarrow.schema([(name, kinds.get(_NUMBERS.get(name), pyarrow.string())) for name in COLUMNS])
    with pyarrow.parquet.ParquetWriter(stream, schema) as writer:
        while group := list(islice(rows, _ROWS_A_GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
