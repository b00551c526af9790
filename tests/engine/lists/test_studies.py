"""NAME.studies.csv: a line a study, in the list's order."""

import csv
from pathlib import Path

import pytest

from xscan.engine.disk.hostile import uncell
from xscan.engine.errors import OutputError
from xscan.engine.lists.studies import COLUMNS, studies_path, write_studies
from xscan.engine.lists.table import HEADER, Row, encode


def film(name: str, study: str, band: str = "routine", p: str = "0.1000", status: str = "ok") -> Row:
    return Row(name, status, band, "normal" if band else "", p_pneumonia=p if band else "", study_uid=study)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def lines(out: Path) -> list[dict[str, str]]:
    with studies_path(out).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_line_a_study(out: Path):
    rows = [
        film("b", "2.1", "urgent", "0.9000"),
        film("=c,1", "2.2"),
        Row("d", "skipped", reason="lateral: x", study_uid="2.1"),
        film("no study", ""),
        film("e", "2.1"),
    ]
    out.write_bytes(HEADER + encode(rows))
    assert write_studies(out, lambda uid: "2.1" if uid == "2.2" else "")
    one, two = lines(out)
    assert (one["study_uid"], one["priority"], one["film"], one["films"], one["lateral"]) == (
        "2.1",
        "urgent",
        "b",
        "3",
        "1",
    )
    assert (two["priority"], uncell(two["film"]), two["earlier_study"]) == ("routine", "=c,1", "2.1")
    assert tuple(one) == COLUMNS


def test_a_list_without_studies_leaves_none_and_anothers_file_alone(out: Path):
    out.write_bytes(HEADER + encode([film("a", "2.1")]))
    write_studies(out, lambda _: "")
    out.write_bytes(HEADER + encode([film("a", "")]))
    assert not write_studies(out, lambda _: "")
    assert not studies_path(out).exists()
    studies_path(out).write_text("somebody's own table")
    with pytest.raises(OutputError):
        write_studies(out, lambda _: "")
