import csv
import io
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscan.engine.errors import OutputError, StorageError
from xscan.engine.find.found import order_key
from xscan.engine.lists.merge import merge
from xscan.engine.lists.retriage import retriage
from xscan.engine.lists.side_by_side import side_by_side
from xscan.engine.lists.studies import studies_of
from xscan.engine.lists.table import COLUMNS, HEADER, Row, encode, read_rows, rows_in, utc

from ..report.lists import MANIFEST

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def round_trip(content: bytes) -> list[Row]:
    return list(read_rows(io.BytesIO(content)))


@given(st.lists(st.builds(Row, file=texts, status=texts, reason=texts, sop_uid=texts)))
def test_any_text_survives_a_round_trip(rows: list[Row]) -> None:
    assert round_trip(HEADER + encode(rows)) == rows


@given(texts)
def test_no_cell_is_a_formula(name: str) -> None:
    (line,) = csv.reader(io.StringIO(encode([Row(name, "ok")]).decode()))
    assert not line[0].startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.builds(Row, file=texts, status=texts), min_size=1, max_size=4), st.data())
def test_a_torn_list_gives_a_prefix_of_its_rows(rows: list[Row], data: st.DataObject) -> None:
    whole = encode(rows)
    cut = data.draw(st.integers(0, len(whole)))
    read = round_trip(HEADER + whole[:cut])
    assert read == rows[: len(read)]
    assert len(read) >= len(round_trip(HEADER + whole)) - (cut < len(whole)) * len(rows)


def test_columns_are_the_contract() -> None:
    assert ",".join(COLUMNS) == (
        "file,status,priority,finding,p_normal,p_bacteria,p_virus,p_pneumonia,reason,"
        "study_uid,series_uid,sop_uid,model,bytes,modified"
    )


@pytest.mark.parametrize("score", ["", "0,9000", "nan", "1.2", "-0.1", "#NAME?"])
def test_a_scored_row_without_its_score_is_damage(tmp_path: Path, score: str) -> None:
    row = Row("a", "ok", "urgent", "virus", "0.1000", "0.1000", "0.8000", score)
    (tmp_path / "night.csv").write_bytes(HEADER + encode([row]))
    with pytest.raises(OutputError, match=r"night\.csv is damaged: a scored row without its numbers"):
        list(rows_in(tmp_path / "night.csv"))


@pytest.mark.parametrize("content", [b"", b"name,score\n", HEADER[:-3]])
def test_another_csv_is_refused(content: bytes) -> None:
    with pytest.raises(OutputError):
        round_trip(content)


def test_times_are_utc_with_microseconds() -> None:
    assert utc(1_764_000_000_123_456_789) == "2025-11-24T16:00:00.123456Z"
    assert utc(10**30) == ""


def test_order_is_that_of_path_components() -> None:
    files = ["a/b", "a.txt", "a/a/z", "b", "a b/c", "a-/x"]
    random.Random(1).shuffle(files)
    assert sorted(files, key=order_key) == ["a/a/z", "a/b", "a b/c", "a-/x", "a.txt", "b"]


def test_a_name_as_long_as_a_zip_allows_is_read_back() -> None:
    row = Row("a.zip/" + "\\xff" * 65_535, "failed", reason="zip-member-refused")
    assert list(read_rows(io.BytesIO(HEADER + encode([row])))) == [row]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that opens and cannot be read")
@pytest.mark.parametrize(
    "read",
    [
        lambda bad, out: retriage(bad, MANIFEST, out),
        lambda bad, out: merge(out, [bad]),
        lambda bad, _: side_by_side(bad, bad),
        lambda bad, _: list(studies_of(bad)),
    ],
)
def test_a_list_that_fails_is_told_by_its_own_name(tmp_path: Path, read: Callable[[Path, Path], object]) -> None:
    with pytest.raises(StorageError, match=r"^mem cannot be read"):
        read(Path("/proc/self/mem"), tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []
