"""Tables as spreadsheets save them."""

from pathlib import Path

import pytest

from xscan.engine.dataset.csvs import read_patients, read_split
from xscan.engine.dataset.sheet import read_sheet
from xscan.engine.errors import DataSetError

ROWS = [["file", "patient", "fold"], ["Müller/größe.dcm", "Ä 1", "3"], ['a "b", c;d.png', "7", ""]]


def saved(path: Path, rows: list[list[str]], encoding: str, separator: str, end: str = "\r\n") -> Path:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if set(text) & {separator, '"', ",", ";"} else text

    path.write_bytes("".join(separator.join(map(cell, row)) + end for row in rows).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    path = saved(tmp_path / "t.csv", ROWS, encoding, separator)
    assert read_patients(path, required=True) == {"Müller/größe.dcm": ("Ä 1", 3), 'a "b", c;d.png': ("7", None)}


@pytest.mark.parametrize(
    "header",
    [
        ["Dateiname", "Patient", "Faltung"],
        ["Nombre de archivo", "PACIENTE", "Pliegue"],
        ["FICHERO", " paciente ", "fold"],
        ["Nom de fichier", "Patient", "Fold"],
        ["File Name", "Patient-ID", "FOLD"],
    ],
)
def test_headers_in_other_languages(tmp_path: Path, header: list[str]) -> None:
    path = saved(tmp_path / "t.csv", [header, *ROWS[1:]], "cp1252", ";")
    assert read_patients(path, required=True)["Müller/größe.dcm"] == ("Ä 1", 3)


def test_what_excel_adds(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("sep=;\r\n\r\nDatei;Teil;;\r\na.png;train;;\r\n;;;\r\nb.png;test\r\n".encode("cp1252"))
    assert read_split(path) == {"a.png": "train", "b.png": "test"}


def test_the_plain_name_goes_before_others(tmp_path: Path) -> None:
    sheet, rows = read_sheet(saved(tmp_path / "t.csv", [["path", "file", "Part"], ["x", "y", "z"]], "utf-8", ","))
    assert sheet.columns == ("path", "file", "part")
    assert [cells for _, cells in rows] == [{"path": "x", "file": "y", "part": "z"}]


def test_the_columns_that_were_found_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.csv", [["Bild", "Klasse\x1b[2J", *"abcdefghijklmn"], ["1", "2"]], "utf-8", ";")
    with pytest.raises(DataSetError, match=r"lacks the columns file and part: it has Bild, Klasse\?\[2J, a.*, \.\.\.$"):
        read_split(path)
    (tmp_path / "t.csv").write_bytes(b"")
    with pytest.raises(DataSetError, match="it has none"):
        read_split(tmp_path / "t.csv")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\x03\x04" + bytes(30), b"\xff\xfea"])
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataSetError) as problem:
        read_split(tmp_path / "t.csv")
    assert "\n" not in str(problem.value)
