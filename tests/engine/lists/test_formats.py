"""What stands at the name of a list in another format is replaced only where it is such a list."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.errors import OutputError, StorageError, XscanError
from xscan.engine.lists.formats import convert, target_of
from xscan.engine.lists.table import COLUMNS, HEADER, Row, encode

NAMES = ("jsonl", "parquet", "excel")


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    rows = [Row("x" * 4000 + "\U000e0001\n,\"';", "ok", p_normal="0.5", bytes="3"), Row("b", "failed")]
    path = tmp_path / "n.csv"
    path.write_bytes(HEADER + encode(rows))
    return path


def test_its_own_lists_are_replaced(csv: Path) -> None:
    pytest.importorskip("pyarrow")
    for _ in range(2):
        convert(csv, NAMES)
    first = {name: target_of(csv, name).read_bytes() for name in NAMES}
    csv.write_bytes(HEADER)  # a list without films, and one with films again
    for _ in range(2):
        convert(csv, NAMES)
    assert first["jsonl"]
    assert target_of(csv, "jsonl").read_bytes() == b""


@pytest.mark.parametrize("columns", [("file", "status"), (*COLUMNS, "my_notes"), COLUMNS[1:], ("mine", *COLUMNS[1:])])
def test_a_users_own_tables_stay(csv: Path, columns: tuple[str, ...]) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({name: ["a"] for name in columns}), target_of(csv, "parquet"))
    target_of(csv, "jsonl").write_text(json.dumps(dict.fromkeys(columns, "sop_uid")) + "\n")
    for name in ("parquet", "jsonl"):
        before = target_of(csv, name).read_bytes()
        with pytest.raises(OutputError, match="no list of xscan"):
            convert(csv, (name,))
        assert target_of(csv, name).read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"PAR1" + bytes(99) + b"PAR1", b"[" * 99_999, b"{}"]
)
def test_nor_is_anything_taken_for_a_list_that_only_begins_so(csv: Path, content: bytes) -> None:
    pytest.importorskip("pyarrow")
    for name in NAMES:
        target_of(csv, name).write_bytes(content)
        with pytest.raises(OutputError):
            convert(csv, (name,))
        assert target_of(csv, name).read_bytes() == content


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EACCES, OutputError.exit_code), (errno.EIO, StorageError.exit_code)]
)
@pytest.mark.parametrize(
    ("name", "opening"), [("jsonl", 1), ("jsonl", 2), ("parquet", 1), ("parquet", 2), ("excel", 1)]
)
def test_one_of_last_night_that_cannot_be_read_is_said_as_such(
    csv: Path, monkeypatch: pytest.MonkeyPatch, name: str, opening: int, number: int, code: int
) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    [target] = convert(csv, [name])
    before, openings, real = target.read_bytes(), [0], Path.open

    def failing(path: Path, *words: Any, **more: Any) -> Any:
        openings[0] += path == target
        if path == target and openings[0] == opening:
            raise OSError(number, "failed", str(path))
        return real(path, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing)
        with pytest.raises(XscanError) as told:
            convert(csv, [name])
    assert told.value.exit_code == code
    assert target.read_bytes() == before
