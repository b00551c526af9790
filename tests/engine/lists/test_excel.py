"""The list for a spreadsheet: opens well, holds the list's values, and is never taken for the list."""

import csv
from pathlib import Path

import pytest

from xscan.engine.errors import OutputError
from xscan.engine.lists import formats
from xscan.engine.lists.own_files import own_files
from xscan.engine.lists.table import COLUMNS, read_rows, require_list

from ..report.lists import made_up_rows, write_list


@pytest.mark.parametrize(("decimal", "separator"), [(",", ";"), (".", ",")])
def test_a_sheet_of_this_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decimal: str, separator: str) -> None:
    monkeypatch.setattr(formats, "decimal_sign", lambda: decimal)
    rows = made_up_rows(60)
    write_list(tmp_path / "night.csv", rows)
    [sheet] = formats.convert(tmp_path / "night.csv", ("csv", "excel"))
    assert sheet == tmp_path / "night.excel.csv"
    content = sheet.read_bytes()
    assert content.startswith(b"\xef\xbb\xbffile" + separator.encode())
    header, *lines = csv.reader(content.decode("utf-8-sig").splitlines(), delimiter=separator)
    assert tuple(header) == COLUMNS
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        said = dict(zip(header, line, strict=True))
        assert said["p_pneumonia"] == row.p_pneumonia.replace(".", decimal)
        assert said["priority"] == row.priority
        assert said["model"] == row.model
    formats.convert(tmp_path / "night.csv", ("excel",))  # the next night replaces it
    assert sheet.read_bytes() == content


def test_it_is_never_the_list(tmp_path: Path) -> None:
    write_list(tmp_path / "night.csv", made_up_rows(5))
    [sheet] = formats.convert(tmp_path / "night.csv", ("excel",))
    with pytest.raises(OutputError):
        require_list(sheet)
    with pytest.raises(OutputError), sheet.open("rb") as stream:
        list(read_rows(stream))
    assert sheet in own_files(tmp_path / "night.csv")  # a scan of its folder leaves it out
    sheet.write_text("mine")
    with pytest.raises(OutputError, match="no list for a spreadsheet"):
        formats.convert(tmp_path / "night.csv", ("excel",))
    assert sheet.read_text() == "mine"


def test_the_decimal_sign_leaves_the_process_as_it_was() -> None:
    assert formats.decimal_sign() in ",."
    assert f"{0.5}" == "0.5"
