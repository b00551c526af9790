"""The morning page as a file: what stands in it, and what does not."""

import base64
import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xscan.engine.errors import OutputError, UsageError
from xscan.engine.lists.run_report import manifest_of
from xscan.engine.lists.table import Row, read_rows
from xscan.engine.reasons import CODES
from xscan.engine.report import texts, thumbnails
from xscan.engine.report.earlier_page import pictures_of
from xscan.engine.report.page import CHUNK, PageOptions, write_page
from xscan.engine.report.sentences import sentences
from xscan.engine.report.thumbnails import (
    HELD,
    LARGE_BANDS,
    Picture,
    Spool,
    Spooled,
    checked,
    encode_map,
    film_key,
    large_copy,
    small_copy,
)

from .lists import HOSTILE, MANIFEST, PhantomPictures, made_up_rows, write_list


@pytest.fixture
def night(tmp_path: Path) -> Path:
    path = tmp_path / "night.csv"
    write_list(path, made_up_rows(2 * CHUNK + 30))
    return path


def test_pictures_are_their_owners_and_leave_room_for_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, row, picture = tmp_path / "films", Row("a.dcm", "ok", bytes="7"), Picture(b"\xff\xd8\xffjpeg\xff\xd9")
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
    assert "unsafe" not in text.split("<style>")[0]
    for kind in ("script", "style"):
        inside = text.split(f"<{kind}>")[1].split(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in text
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


def test_every_reason_is_a_sentence_that_stands_alone_in_both_languages() -> None:
    said = sentences()
    assert said["en"].keys() == said["es"].keys() == CODES.keys()
    for language, by_code in said.items():
        for code, text in by_code.items():
            assert re.fullmatch(r"[A-ZÁÉÍÓÚÑ][^.!?]*[^.!? ]\.", text), (language, code, text)  # one whole sentence
            assert len(text.split()) >= 4, (language, code, text)
            assert "--" not in text, (language, code, text)
            assert len(text) < 110, (language, code, text)
        assert len(set(by_code.values())) == len(by_code)
    assert not [code for code in CODES if said["en"][code] == said["es"][code]]


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
    remember = PhantomPictures(2)
    with night.open("rb") as stream:
        given = [(row.file, remember(row)) for row in read_rows(stream) if row.priority]
    write_page(night, page, PageOptions(), remember)
    assert [(row.file, picture) for row, picture in pictures_of(page)] == given
    whole = page.read_text("utf-8")
    page.write_text(whole[: len(whole) // 2], encoding="utf-8")  # cut off: what is whole is used, and no error
    assert len(list(pictures_of(page))) < len(given)
    assert list(pictures_of(night)) == []
    assert list(pictures_of(tmp_path / "none.html")) == []
    write_list(night, [])
    write_page(night, page, PageOptions(), remember)
    assert list(pictures_of(page)) == []


def test_the_most_urgent_films_have_large_pictures_within_the_budget(night: Path) -> None:
    page, pictures = night.with_suffix(".html"), PhantomPictures(3)
    with night.open("rb") as stream:
        rows = list(read_rows(stream))
    early = [i for i, row in enumerate(rows) if row.priority in LARGE_BANDS]
    early.sort(key=lambda i: (LARGE_BANDS.index(rows[i].priority), -float(rows[i].p_pneumonia), i))
    write_page(night, page, PageOptions(), pictures)
    assert large_in(page) == set(early)
    one = max(len(pictures(rows[i]).large) for i in early) * 4 // 3
    write_page(night, page, PageOptions(large_bytes=20 * one), pictures)
    assert 20 <= len(large_in(page)) < len(early)
    assert large_in(page) == set(early[: len(large_in(page))])
    write_page(night, page, PageOptions(large_bytes=0), pictures)
    assert large_in(page) == set()


def large_in(page: Path) -> set[int]:
    return {int(number) for number in re.findall(r'id="large(\d+)"', page.read_text("utf-8"))}


def test_a_tampered_page_gives_nothing_but_pictures(night: Path) -> None:
    page = night.with_suffix(".html")
    write_page(night, page, PageOptions(), PhantomPictures(1))
    whole, before = page.read_text("utf-8"), len(list(pictures_of(page)))
    line = re.search(r"\n(/9j/\S+) (5x5:[0-9a-f]{50})\n", whole)
    assert line is not None
    evil = "</script><script>document.title=1</script>"
    for text in (
        f"{line[1]} 5x5:{'80' * 25}{evil}",
        f"{line[1]} {evil}",
        f"{line[1][:-8]} {line[2]}",
        f"AAAA {line[2]}",
    ):
        page.write_text(whole.replace(line[0], f"\n{text}\n", 1), encoding="utf-8")
        assert len(list(pictures_of(page))) == before - 1
    page.write_text(whole.replace(line[1], f"{line[1]}<b>", 1), encoding="utf-8")  # no base64: all films are read again
    assert len(list(pictures_of(page))) < before


@pytest.mark.parametrize(
    ("jpeg", "places", "large"),
    [
        (b"OTHERPATIENT", "", b""),
        (b"\xff\xd8\xff" + bytes(3_000_000) + b"\xff\xd9", "", b""),
        (None, "", b""),
        (..., "</script><script>", b""),
        (..., "5x5:80", b""),
        (..., b"5x5:80", b""),
        (..., "", b"GIF89a"),
    ],
)
def test_what_no_worker_made_is_no_picture(jpeg: object, places: object, large: object) -> None:
    real = small_copy(np.zeros((9, 9), np.uint8))
    assert checked(real, "1x1:80", real) == Picture(real, "1x1:80", real)
    assert checked(real if jpeg is ... else jpeg, places, large) is None


def test_a_planted_store_gives_no_script(tmp_path: Path) -> None:
    row, jpeg = made_up_rows(1)[0], small_copy(np.zeros((9, 9), np.uint8))
    store = sqlite3.connect(tmp_path / "1-1.pictures")
    store.execute("CREATE TABLE picture (film BLOB, jpeg BLOB, map TEXT, large BLOB, study TEXT)")
    store.execute("INSERT INTO picture VALUES (?, ?, ?, ?, ?)", (film_key(row), jpeg, "</script><script>", b"", ""))
    store.commit()
    store.close()
    with Spooled(tmp_path) as spooled:
        assert spooled.get(row) is None
    Spool(tmp_path, "2-2.pictures").put([(row, Picture(jpeg, "1x1:80"))])  # the worker's own stands behind it
    (tmp_path / "3-3.pictures").symlink_to(tmp_path / "1-1.pictures")
    with Spooled(tmp_path) as spooled:
        assert spooled.get(row) == Picture(jpeg, "1x1:80")
        assert spooled.get(row, maps=False) == Picture(jpeg)


def test_of_many_stores_few_are_open_and_the_one_with_the_film_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, picture = made_up_rows(3 * HELD), Picture(b"\xff\xd8\xffjpeg\xff\xd9")
    for number, row in enumerate(rows):  # as runs leave them that were interrupted night after night
        Spool(tmp_path, f"{number}-1.pictures").put([(row, picture)])
        Spool(tmp_path, f"{number}-2.pictures")
        (tmp_path / f"{number}-3.pictures").touch()
    opened: list[sqlite3.Connection] = []
    asked: list[str] = []
    connect = sqlite3.connect

    def counted(*args: Any, **how: Any) -> sqlite3.Connection:
        store = connect(*args, **how)
        store.set_trace_callback(asked.append)
        opened.append(store)
        assert sum(map(is_open, opened)) <= HELD + 2  # the index, and the one that takes another's place
        return store

    monkeypatch.setattr(sqlite3, "connect", counted)
    with Spooled(tmp_path) as spooled:
        asked.clear()
        assert [spooled.get(row) for row in rows] == [picture] * len(rows)
        assert sum("FROM picture" in query for query in asked) == len(rows)
    assert len(opened) > 3 * len(rows)
    assert not any(map(is_open, opened))
    assert spooled.get(rows[0]) is None  # of a walk that was told to end: no error


def is_open(store: sqlite3.Connection) -> bool:
    try:
        return store.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False


def test_a_large_copy_is_no_larger_than_the_film() -> None:
    import cv2

    for columns, shown in ((500, 500), (1000, 768)):
        jpeg = large_copy(np.zeros((250, columns), np.uint8))
        assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE).shape[1] == shown
