"""Names chosen to do harm: no spreadsheet finds a formula in them, no terminal obeys them, none is lost."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscan.engine.disk.hostile import as_json, cell, on_a_line, on_terminal, uncell
from xscan.engine.lists.table import HEADER, Row, encode, read_rows

SIGNS = "=+-@\t\r＝＋－＠"
FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠1", "=cmd|'/c calc'!A1"),
    *("x;=1+1;y.jpeg", "x;-1", "x\t=1+1", "x;＝1", "x\n=1", "x\r=1", "x;\t\t=1", ";;;=1"),
    *("'=1", "''=1", "x;'=1", 'x;"=1+1";y', '"=1', "; =1", ' "=1'),
]
SAFE = ["ward-1/film.dcm", "a=b+c-d@e", "x;y", "it's", "'tis", "Füße/1.jpeg", 'the "film"', "a, -b", "1.2.840.10008"]
names = st.text(st.sampled_from("=+-@＝－\t\r\n;,|'\" ax/."), max_size=12) | st.text(max_size=20)


def cells_of(content: bytes, delimiter: str) -> list[str]:
    text = io.StringIO(content.decode(), newline="")
    return [found for row in csv.reader(text, delimiter=delimiter) for found in row]


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_separator_makes_a_formula_of_a_name(name: str, delimiter: str) -> None:
    content = encode([Row(name, "ok", model=name), Row("b", "ok")])
    assert not [c for c in cells_of(content, delimiter) if c[:1] and c[0] in SIGNS]
    [row, _] = read_rows(io.BytesIO(HEADER + content))
    assert (row.file, row.model) == (name, name)


@given(names)
def test_every_name_is_read_back_and_is_no_formula(name: str) -> None:
    assert uncell(cell(name)) == name
    content = encode([Row(name.encode("utf-8", "replace").decode(), "ok")])
    assert next(read_rows(io.BytesIO(HEADER + content))).file == name.encode("utf-8", "replace").decode()
    for delimiter in ",;\t":
        assert not [c for c in cells_of(content, delimiter) if c[:1] and c[0] in SIGNS]


@pytest.mark.parametrize("name", SAFE)
def test_harmless_names_stay_as_they_are(name: str) -> None:
    assert cell(name) == name


def test_a_terminal_gets_nothing_to_obey() -> None:
    evil = "x\x1b[31mPWN\x1b]0;t\x07 \x9b31m \u202egpj.exe \u2066a\u200bb\x7f\r"
    for text in (on_terminal(evil), on_a_line(evil), as_json({evil: evil})):
        assert text.isprintable()
        assert "\\x1b" in text or "\\u001b" in text
    assert json.loads(as_json({"a": evil})) == {"a": evil}
    assert on_terminal("two\nlines\tand a tab; Füße 胸部") == "two\nlines\tand a tab; Füße 胸部"
    assert on_a_line("a\nxscan: all is well") == "a\\x0axscan: all is well"
    assert json.loads(as_json("\U000e0041")) == "\U000e0041"


@given(st.text())
def test_json_says_the_same(text: str) -> None:
    assert json.loads(as_json([text])) == [text]
