"""Accession numbers, as an editor or a spreadsheet saves them."""

from pathlib import Path

import pytest

from xscan.engine.errors import UsageError
from xscan.engine.pacs.accessions import read_accessions


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("A-77\nB 1\n\nA-77\n", "utf-8"),
        ("# asked for on Monday\r\nA-77\r\nB 1\r\n", "utf-8-sig"),
        ("A-77\r\nB 1", "utf-16"),
        ("Name;Auftragsnummer;Größe\r\nMüller;A-77;5\r\nWeiß;B 1;6\r\n", "cp1252"),
        ("Número de acceso\tPaciente\r\nA-77\tNúñez\r\nB 1\t\r\n", "utf-16"),
        ('patient,Accession Number\n"N\nN",A-77\n"x, y",B 1\n', "utf-8"),
        ("sep=;\r\nAccession No;x\r\nA-77;1\r\nB 1;2\r\n;\r\n", "cp1252"),
    ],
)
def test_lists_and_tables(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "asked.csv").write_bytes(text.encode(encoding))
    assert read_accessions(tmp_path / "asked.csv") == ("A-77", "B 1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A-77\n*\n", "line 2 of .* is no accession number"),
        ("A\\B\n", "is no accession number"),
        ("12345678901234567\n", "at most 16 letters"),
        ("Name;Nummer\nMüller;A-77\n", r"name the column accession \(it has Name, Nummer\)"),
        ("# none\n\n", "holds no accession number"),
        ("Auftragsnummer;Name\n;x\n", "holds no accession number"),
    ],
)
def test_what_is_no_number_is_told_by_its_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "asked.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        read_accessions(tmp_path / "asked.csv")
