"""The morning page as a file: what stands in it, and what does not."""

import json
import os
import re
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from xscan.engine.errors import OutputError, UsageError
from xscan.engine.lists.run_report import manifest_of
from xscan.engine.lists.table import Row, read_rows
from xscan.engine.reasons import CODES
from xscan.engine.report import texts, thumbnails
from xscan.engine.report.earlier_page import pictures_of
from xscan.engine.report.page import CHUNK, PageOptions, write_page
from xscan.engine.report.reread import FilmsAgain
from xscan.engine.report.thumbnails import Picture, Spool, Spooled, encode_map, small_copy

from .lists import HOSTILE, MANIFEST, PhantomPictures, made_up_rows, write_list


@pytest.fixture
def night(tmp_path: Path) -> Path:
    path = tmp_path / "night.csv"
    write_list(path, made_up_rows(2 * CHUNK + 30))
    return path


def test_pictures_are_their_owners_and_leave_room_for_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, row, picture = tmp_path / "films", Row("a.dcm", "ok", bytes="7"), Picture(b"jpeg")
    Spool(folder).put([(row, picture)])
    with Spooled(folder) as spooled:
        assert spooled.get(row) == picture
    if os.name != "nt":
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())} == {0o700, 0o600}
    monkeypatch.setattr(thumbnails, "ROOM", shutil.disk_usage(tmp_path).total)
    Spool(tmp_path / "full").put([(row, picture)])
    with Spooled(tmp_path / "full") as spooled:
        assert spooled.get(row) is None  # the page reads the film again


def blocks(page: Path) -> dict[str, str]:
    """The page's data blocks by id."""
    found = re.findall(r'<script type="[^"]+" id="(\w+)">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    return dict(found)


def test_page_holds_every_row_and_a_picture_for_each_scored_one(night: Path) -> None:
    page = night.with_suffix(".html")
    write_page(night, page, PageOptions("es", manifest_of(night)), PhantomPictures())
    data = blocks(page)
    with night.open("rb") as stream:
        rows = list(read_rows(stream))
    assert [cells[0] for cells in json.loads(data["rows"])] == [row.file for row in rows]
    lines = [line for number in range(3) for line in data[f"pictures{number}"].split("\n")[1:-1]]
    assert [bool(line) for line in lines] == [bool(row.priority) for row in rows]
    facts = json.loads(data["facts"])
    assert facts["points"]["rule_in"]["threshold"] == MANIFEST.rule_in.threshold
    assert facts["lang"] == "es"


def test_hostile_names_are_decoded_and_cannot_end_their_block(night: Path) -> None:
    page = night.with_suffix(".html")
    write_page(night, page, PageOptions(), None)
    assert json.loads(blocks(page)["rows"])[-1][0] == HOSTILE  # without the CSV's formula quote
    assert "<img src=x" not in page.read_text("utf-8")


def test_page_asks_for_nothing_outside(night: Path) -> None:
    page = night.with_suffix(".html")
    write_page(night, page, PageOptions(), PhantomPictures())
    text = page.read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?(?!data:)\w+:", text.split('id="rows"')[0])


def test_without_pictures_none_are_written(night: Path) -> None:
    page = night.with_suffix(".html")
    write_page(night, page, PageOptions(), None)
    assert "pictures0" not in blocks(page)
    assert not json.loads(blocks(page)["facts"])["pictures"]


def test_an_empty_list_gives_a_page(tmp_path: Path) -> None:
    write_list(tmp_path / "none.csv", [])
    write_page(tmp_path / "none.csv", tmp_path / "none.html", PageOptions(), PhantomPictures())
    assert json.loads(blocks(tmp_path / "none.html")["rows"]) == []


def test_mistakes_are_named(tmp_path: Path, night: Path) -> None:
    with pytest.raises(UsageError, match="no list"):
        write_page(tmp_path / "absent.csv", tmp_path / "a.html", PageOptions(), None)
    with pytest.raises(OutputError, match="cannot write"):
        write_page(night, tmp_path / "no folder" / "a.html", PageOptions(), None)


def test_every_word_and_reason_has_both_languages() -> None:
    words = texts.words()
    assert words["en"].keys() == words["es"].keys()
    used = set(re.findall(r"\{(\w+)\}", " ".join(words["en"].values())))
    assert used == set(re.findall(r"\{(\w+)\}", " ".join(words["es"].values())))
    untranslated = {code for code in CODES if texts.reasons()["es"][code] == CODES[code]}
    assert not untranslated


def test_class_map_text() -> None:
    maps = np.zeros((2, 3, 3))
    maps[0, 1] = [-20, 0, 0]  # pneumonia without doubt
    maps[1, 2] = [20, 0, 0]  # normal without doubt
    size, _, digits = encode_map(maps, 1.0).partition(":")
    levels = np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(2, 3)
    assert size == "3x2"
    assert levels[0, 1] == 255
    assert levels[1, 2] == 1
    assert abs(int(levels[0, 0]) - 128) < 16


def test_small_copy_keeps_the_shape_and_the_spool_its_pictures(tmp_path: Path) -> None:
    import cv2

    jpeg = small_copy(np.tile(np.arange(200, dtype=np.uint8), (400, 5)))
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    assert decoded.shape == (77, 192)
    one, two = made_up_rows(2)
    Spool(tmp_path / "films").put([(one, Picture(jpeg, "1x1:80"))])
    Spool(tmp_path / "films").put([(two, Picture(jpeg))])  # another process
    (tmp_path / "films" / "torn.pictures").write_bytes(b"SQLite format 3\0 and no more")
    with Spooled(tmp_path / "films") as spooled:
        assert spooled.get(one) == Picture(jpeg, "1x1:80")
        assert spooled.get(two) == Picture(jpeg)
        two.modified = ""  # a changed film
        assert spooled.get(two) is None
    Spool(tmp_path / "films" / "torn.pictures").put([(one, Picture(jpeg))])  # nowhere to write: no error


def test_pictures_of_an_earlier_page_are_found_again(night: Path, tmp_path: Path) -> None:
    page = night.with_suffix(".html")
    given: list[tuple[str, str]] = []
    draw = PhantomPictures(2)

    def remember(row: Row) -> Picture:
        given.append((row.file, (picture := draw(row)).line()))
        return picture

    write_page(night, page, PageOptions(), remember)
    assert [(row.file, picture.line()) for row, picture in pictures_of(page)] == given
    whole = page.read_text("utf-8")
    page.write_text(whole[: len(whole) // 2], encoding="utf-8")  # cut off: what is whole is used, and no error
    assert len(list(pictures_of(page))) < len(given)
    assert list(pictures_of(night)) == []
    assert list(pictures_of(tmp_path / "none.html")) == []
    write_list(night, [])
    write_page(night, page, PageOptions(), remember)
    assert list(pictures_of(page)) == []


def test_pictures_are_read_again_from_the_folder(phantoms: Path) -> None:
    from xscan.engine.batch.messages import blank_row
    from xscan.engine.find.discover import discover
    from xscan.engine.read.film import Limits

    rows = [blank_row(found, "ok") for found in discover(phantoms)]
    again = FilmsAgain(phantoms, None, Limits())
    rows[3].bytes = "1"  # another film by now
    pictures = [again(row) for row in rows]
    assert [p is None for p in pictures] == [i == 3 for i in range(len(rows))]
