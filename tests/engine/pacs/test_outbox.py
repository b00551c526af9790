"""The outbox: what is put in, what comes out, and what stays after a kill."""

import os
import sqlite3
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from xscan.engine.errors import OutputError, StorageError
from xscan.engine.lists.table import Row
from xscan.engine.pacs.answers import answer_of
from xscan.engine.pacs.destinations import Destination, Kind, named
from xscan.engine.pacs.outbox import MOST_TRIES, Enqueued, Outbox, State, enqueue

from .lists import row_of
from .peers import films

POINTS = (0.21, 0.61)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    films(folder, 3)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[Row]:
    bands = ("urgent", "review", "routine")
    return [row_of(film, folder, band) for film, band in zip(sorted(folder.iterdir()), bands, strict=True)]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: one number, to be changed."""
    now = [1_800_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def to(name: str = "main", *kinds: str) -> Destination:
    table = {"aet": "PACS", "host": "127.0.0.1", "send": list(kinds or ("sr", "sc"))}
    return named({name: table}, name, Path())


def put(outbox: Outbox, folder: Path, rows: list[Row], destination: Destination, **more: bool) -> Enqueued:
    return outbox.enqueue(folder, rows, destination, POINTS, "0.1.0", **more)


def test_what_is_there_is_not_put_in_twice(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with Outbox(tmp_path) as outbox:
        assert put(outbox, folder, rows, to()) == Enqueued(new=6)
        assert put(outbox, folder, rows, to()) == Enqueued(known=6)
        assert put(outbox, folder, rows, to("other")) == Enqueued(new=6)
        first = outbox.due("main")[0]
        outbox.sent(first.number)
        assert put(outbox, folder, rows, to()) == Enqueued(known=6)
        assert outbox.counts("main") == {"sent": 1, "waiting": 5}
        assert put(outbox, folder, rows, to(), again=True) == Enqueued(new=1, known=5)
        again = next(item for item in outbox.due("main") if item.number == first.number)
        assert again.result == first.result  # with its first time: the same bytes
    assert enqueue(tmp_path, folder, rows, to(), POINTS) == Enqueued(known=6)


def test_key_objects_are_of_urgent_films_alone(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows, to("main", "ko", "sr"))
        kinds = [(item.kind, item.row.priority) for item in outbox.due("main")]
    assert [band for kind, band in kinds if kind is Kind.KO] == ["urgent"]
    assert len(kinds) == 4


def test_each_destination_has_its_own_switches(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with Outbox(tmp_path) as outbox:
        for destination in (to("reports", "sr"), to("pictures", "sc", "ko"), to("nothing-yet", "sr")):
            put(outbox, folder, rows, destination)
        for item in outbox.due("reports"):
            outbox.sent(item.number)
        kinds = {name: [str(item.kind) for item in outbox.due(name)] for name in ("pictures", "nothing-yet")}
    assert kinds == {"pictures": ["sc", "ko", "sc", "sc"], "nothing-yet": ["sr", "sr", "sr"]}


def test_rows_without_score_film_or_dicom_are_left_out(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    others = [
        replace(rows[0], priority="", status="skipped"),
        replace(rows[0], sop_uid="", study_uid=""),
        replace(rows[0], file="phantom-9999.dcm"),
        replace(rows[0], bytes="1"),
        replace(rows[0], file="../" + folder.name + "/" + rows[0].file),
    ]
    for row in others:
        with Outbox(tmp_path) as outbox:
            found = put(outbox, folder, [row], to())
        assert found.new == 0
        assert found.no_dicom + found.gone == (1 if row.priority else 0)


def test_a_scored_row_without_numbers_is_said(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with Outbox(tmp_path) as outbox, pytest.raises(OutputError, match="damaged"):
        put(outbox, folder, [rows[0], replace(rows[1], p_virus="SECRET")], to())
    with Outbox(tmp_path) as outbox:
        assert outbox.counts("main") == {}  # all of it or nothing


def test_members_of_zips_are_found(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    import zipfile

    from xscan.engine.pacs.films import from_text
    from xscan.engine.read.content import read_content

    scanned = tmp_path / "scanned"
    scanned.mkdir()
    with zipfile.ZipFile(scanned / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for film in sorted(folder.iterdir()):
            archive.write(film, f"d/{film.name}")
    inside = [replace(row, file=f"export.zip/d/{row.file}") for row in rows]
    with Outbox(tmp_path / "state") as outbox:
        assert put(outbox, scanned, inside, to("main", "sr")) == Enqueued(new=3)
        for item, row in zip(outbox.due("main"), rows, strict=True):
            content = read_content(from_text(item.row.file, item.film))
            assert content == (folder / row.file).read_bytes()


def test_a_later_result_takes_the_place_of_one_that_waits_and_names_one_that_was_sent(
    tmp_path: Path, folder: Path, rows: list[Row]
) -> None:
    destination = to("main", "sr")
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows[:2], destination)
        sent, waiting = outbox.due("main")
        outbox.sent(sent.number)
        put(outbox, folder, [replace(row, priority="routine") for row in rows[:2]], destination)
        assert outbox.counts("main") == {"sent": 1, "superseded": 1, "waiting": 2}
        after_sent, after_waiting = outbox.due("main")
        assert after_sent.predecessor is not None
        assert after_sent.predecessor[1] == sent.instance
        assert after_waiting.predecessor is None
        assert after_waiting.instance != waiting.instance


def test_what_the_pacs_does_not_take_comes_later_and_not_for_ever(
    tmp_path: Path, folder: Path, rows: list[Row], now: list[float]
) -> None:
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows[:1], to("main", "sr"))
        waits = []
        for _ in range(MOST_TRIES):
            [item] = outbox.due("main")
            failed = outbox.later(item, "A700")
            due = outbox.next_due("main")
            if due is None:
                assert failed
                break
            assert outbox.due("main") == []
            waits.append(due - now[0])
            now[0] = due
        assert waits[:4] == [60, 300, 900, 3600]
        assert len(waits) == MOST_TRIES - 1
        assert outbox.counts("main") == {"failed": 1}
        assert outbox.codes("main", State.FAILED) == {"A700": 1}


def test_a_pacs_that_is_down_costs_no_try(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows, to())
        for _ in range(3 * MOST_TRIES):
            outbox.try_now("main")
            outbox.postpone("main", 120)
        assert outbox.due("main") == []
        outbox.try_now("main")
        assert {item.tries for item in outbox.due("main")} == {0}


def test_a_pacs_that_is_down_costs_one_row_and_each_object_keeps_its_own_time(
    tmp_path: Path, folder: Path, rows: list[Row], now: list[float]
) -> None:
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows, to("main", "sr"))
        put(outbox, folder, rows, to("other", "sr"))
        first, second, _ = outbox.due("main")
        outbox.later(replace(first, tries=2), "A700")  # in 15 minutes
        outbox.later(second, "A700")  # in one
        for _ in range(2):
            before = outbox._store.total_changes
            outbox.postpone("main", 120)
            assert outbox._store.total_changes == before + 1
        assert [one.due - now[0] for one in outbox.statuses("main")] == [900, 120, 120]
        assert (outbox.due("main"), outbox.next_due("main")) == ([], now[0] + 120)
        assert (len(outbox.due("other")), outbox.next_due("other")) == (3, now[0])
    with Outbox(tmp_path) as outbox:  # as the next process finds it
        now[0] += 120
        assert [item.number for item in outbox.due("main")] == [2, 3]
        outbox.postpone("main", 120)
        before = outbox._store.total_changes
        outbox.try_now("main")
        assert outbox._store.total_changes == before + 2  # the pause, and the one whose time had not come
        assert len(outbox.due("main")) == 3
        assert all(one.due <= now[0] for one in outbox.statuses("main"))


def test_an_outbox_of_an_earlier_version_is_read(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    due = time.time() + 1000
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows, to("main", "sr"))
        outbox._ask("DROP TABLE pause")
        outbox._ask("UPDATE object SET due = ?", (due,))  # so it was put off
    with Outbox(tmp_path) as outbox:
        assert (outbox.due("main"), outbox.next_due("main")) == ([], due)
        assert {one.due for one in outbox.statuses()} == {due}
        outbox.try_now("main")
        assert len(outbox.due("main")) == 3


def test_the_outbox_is_its_owners_and_holds_no_identity(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    state = tmp_path / "state"
    with Outbox(state) as outbox:
        put(outbox, folder, rows, to())
        if os.name != "nt":
            assert stat.S_IMODE(outbox.path.stat().st_mode) == 0o600
            assert stat.S_IMODE(state.stat().st_mode) == 0o700
        content = outbox.path.read_bytes()
    assert b"PHANTOM^XSCAN" not in content
    assert b"PHANTOM-0001" not in content


def test_what_was_sent_long_ago_is_forgotten_and_what_waits_is_not(
    tmp_path: Path, folder: Path, rows: list[Row]
) -> None:
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows, to())
        for item in outbox.due("main")[:4]:
            outbox.sent(item.number)
        assert outbox.prune(time.time() - 60) == 0
        assert outbox.waiting_films() == {rows[2].sop_uid}
        assert outbox.prune(time.time() + 60) == 4
        assert outbox.counts("main") == {"waiting": 2}


def test_a_file_of_others_in_its_place_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(b"somebody's letters" * 100)
    with pytest.raises(OutputError, match="send the lists again"):
        Outbox(tmp_path)
    assert (tmp_path / "outbox.sqlite").read_bytes().startswith(b"somebody's")


def test_a_full_disk_is_said_as_such_and_loses_nothing(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows, to())
        [pages] = outbox._ask("PRAGMA page_count")[0]
        outbox._ask(f"PRAGMA max_page_count = {pages}")
        many = [replace(row, sop_uid=f"1.2.{number}") for row in rows for number in range(100)]
        with pytest.raises(StorageError, match="disk is full"):
            put(outbox, folder, many, to("other"))
        before = outbox.counts("main")
        outbox._ask("PRAGMA max_page_count = 100000")
        assert put(outbox, folder, rows, to("another")) == Enqueued(new=6)
        assert outbox.counts("main") == before == {"waiting": 6}


def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with Outbox(tmp_path) as outbox:
        put(outbox, folder, rows, to())
    store = sqlite3.connect(tmp_path / "outbox.sqlite", isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    store.execute("UPDATE object SET state = 'sent'")
    store.close()  # as a killed process does: never committed
    with Outbox(tmp_path) as outbox:
        assert outbox.counts("main") == {"waiting": 6}


@pytest.mark.parametrize(
    ("status", "stored", "for_good"),
    [
        (0x0000, True, False),
        (0xB000, True, False),
        (0xB006, True, False),
        (0xB007, True, False),
        (0x0107, True, False),
        (0x0111, True, False),
        (0xA700, False, False),
        (0xA701, False, False),
        (0xA900, False, True),
        (0xC000, False, True),
        (0xC123, False, True),
        (0x0110, False, False),
        (0x0122, False, True),
        (0x0124, False, True),
        (0x1234, False, False),
        (None, False, False),
    ],
)
def test_only_success_and_warnings_are_success(status: int | None, stored: bool, for_good: bool) -> None:
    answer = answer_of(status)
    assert (answer.stored, answer.for_good) == (stored, for_good)
    assert (answer.code == "") == (status == 0)
