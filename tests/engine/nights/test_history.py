"""The history: what runs add to it, and what is wrong with it costs no run."""

import contextlib
import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from xscan.engine.errors import OutputError, StorageError
from xscan.engine.lists.table import Note, Row
from xscan.engine.nights import database
from xscan.engine.nights.database import MIGRATIONS, NAME, open_history
from xscan.engine.nights.heard import MOST, earlier_study, first_seen
from xscan.engine.nights.history import LATER, Recorder, Run
from xscan.engine.nights.look_back import by_night, prune, runs
from xscan.engine.nights.state import keyed

from .nights import Nights, film


def films_of(state: Path) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(state / NAME)) as found:
        return found.execute("SELECT status, band, score, first_seen FROM film ORDER BY score").fetchall()


def test_a_run_and_its_films_without_a_name(nights: Nights, state: Path):
    rows = [film("Meier_Anna/1.dcm", 0.9), film("Meier_Anna/2.dcm", 0.1, "routine"), Row("x.txt", "skipped")]
    nights(rows)
    [run] = runs(state)
    assert (run.state, run.scored, run.count("bands", "urgent"), run.count("status", "skipped")) == (
        "finished",
        2,
        1,
        1,
    )
    assert run.bins == [1, 0, 0, 1]
    assert len(films_of(state)) == 3
    for path in state.iterdir():
        assert b"Meier" not in path.read_bytes()


def test_new_tonight_is_what_no_earlier_list_held(nights: Nights):
    first, second = film("a"), film("b", 0.3, "review")
    assert nights([first]).news.is_new(first)  # type: ignore[union-attr]
    recorder = nights([first, second])
    nights.time += timedelta(hours=4)
    with nights.run() as again:  # the same night: still new
        assert again.news is not None
        assert [again.news.is_new(row) for row in (first, second)] == [False, True]
    assert recorder.since == again.since
    assert not nights([first, second]).news.is_new(second)  # type: ignore[union-attr]


def test_a_film_is_known_again_by_its_uid_in_another_folder(nights: Nights):
    row = film("a", sop_uid="1.2.3")
    nights([row])
    with nights.run("elsewhere") as recorder:
        assert recorder.first_seen(row) != ""
        assert recorder.first_seen(film("a")) == ""


def test_films_of_a_cut_off_run_are_new_in_the_next(nights: Nights, state: Path):
    row = film("a")
    with contextlib.suppress(ZeroDivisionError), nights.run() as recorder:
        recorder.see([row])
        raise ZeroDivisionError
    assert runs(state)[-1].state == "failed"
    assert nights([row], hours=48).news.is_new(row)  # type: ignore[union-attr]
    assert runs(state)[-1].scored == 1


def test_a_killed_run_is_called_cut_off(nights: Nights, state: Path):
    recorder = Recorder(state, Run("batch", nights.root / "t.csv", nights.root, {}), nights.told.append)
    recorder.close()  # as the system does
    nights([film("a")])
    assert [run.state for run in runs(state)] == ["cut off", "finished"]


def test_a_damaged_history_is_set_aside_told_and_made_anew(nights: Nights, state: Path):
    nights([film("a")])
    (state / NAME).write_bytes(b"no database at all" * 1000)
    nights([film("a"), film("b")])
    assert [run.scored for run in runs(state)] == [2]
    [told] = nights.told
    assert "damaged" in told
    assert list(state.glob("*.damaged-*"))


@pytest.mark.parametrize("where", [100, 5000, 9000])
def test_one_damaged_in_the_middle_loses_no_night(nights: Nights, state: Path, where: int):
    nights([film(f"{i}") for i in range(300)])
    content = bytearray((state / NAME).read_bytes())
    content[where : where + 3000] = b"\xff" * 3000
    (state / NAME).write_bytes(content)
    nights([film(f"{i}") for i in range(301)])
    assert runs(state)[-1].state == "finished"
    assert len(films_of(state)) == 301


def test_tables_that_are_gone_are_a_damaged_history(nights: Nights, state: Path):
    nights([film("a")])
    with contextlib.closing(sqlite3.connect(state / NAME)) as found:
        found.execute("DROP TABLE film")
    nights([film("a")])
    assert len(films_of(state)) == 1
    assert "damaged" in nights.told[0]


def test_a_locked_history_hears_of_the_night_later(nights: Nights, state: Path, monkeypatch: pytest.MonkeyPatch):
    nights([film("a")])
    monkeypatch.setattr(database, "WAIT", 0.1)
    with contextlib.closing(sqlite3.connect(state / NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert nights([film("a"), film("b")]).news is None
        other.execute("ROLLBACK")
    assert "locked" in nights.told[0]
    assert len(nights.told) == 1
    kept = (state / LATER).read_bytes()
    nights([film("a"), film("b")])
    assert [run.state for run in runs(state)] == ["finished"] * 3
    assert len({run.night for run in runs(state)}) == 3
    assert not (state / LATER).exists()
    (state / LATER).write_bytes(kept)  # as a kill between the two leaves it
    nights([film("a"), film("b")])
    assert len({run.night for run in runs(state)}) == len(runs(state)) == 4


def test_what_is_damaged_of_a_later_hearing_is_left_out(nights: Nights, state: Path, monkeypatch: pytest.MonkeyPatch):
    nights([film("a")])
    monkeypatch.setattr(database, "WAIT", 0.1)
    with contextlib.closing(sqlite3.connect(state / NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        nights([film("a"), film("b")])
        other.execute("ROLLBACK")
    sound = (state / LATER).read_bytes()
    entry = json.loads(sound)
    damaged = [entry | {"list": {}}, entry | {"night": None}, entry | {"number": 1 << 80}, entry | {"kind": []}, {}]
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in damaged)
    (state / LATER).write_bytes(b"\xff\xfe\x00{\n" + lines + b"[" + b"\0" * 9 + b"\n" + sound)
    nights.told.clear()
    nights([film("a"), film("b")])
    assert nights.told == []
    assert [run.state for run in runs(state)] == ["finished"] * 3
    assert not (state / LATER).exists()


def test_another_programs_database_is_left_alone(nights: Nights, state: Path):
    state.mkdir()
    with contextlib.closing(sqlite3.connect(state / NAME)) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = (state / NAME).read_bytes()
    nights([film("a")])
    assert (state / NAME).read_bytes() == before
    assert "another program's" in nights.told[0]


def test_a_state_folder_that_cannot_be_made_is_told(nights: Nights, tmp_path: Path):
    nights.state = tmp_path / "file" / "state"
    (tmp_path / "file").write_text("")
    nights([film("a")])
    [told] = nights.told
    assert "the history cannot be written" in told
    assert "the audit log cannot be written" in told


def test_a_full_disk_that_ends_the_run_is_told_by_the_run_alone(nights: Nights, tmp_path: Path):
    nights.state = tmp_path / "file" / "state"
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError), nights.run():
        raise StorageError("the disk is full")
    assert nights.told == []


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_a_history_of_an_earlier_version_is_brought_up(nights: Nights, state: Path, version: int):
    """From each version on: the run that it holds is still there, and a new one is added."""
    state.mkdir()
    with contextlib.closing(sqlite3.connect(state / NAME, isolation_level=None)) as old:
        for step in MIGRATIONS[:version]:
            old.executescript(step)
        old.execute(f"PRAGMA user_version = {version}")
        if version:
            old.execute(f"PRAGMA application_id = {database.OURS}")
            old.execute(
                "INSERT INTO run (list, night, kind, started, state)"
                " VALUES ('k', '2026-01-01', 'batch', 's', 'finished')"
            )
            old.execute(
                "INSERT INTO film (key, sop_uid, series_uid, study_uid, status, code, band, finding, model, first_seen,"
                " first_run, last_seen)"
                " VALUES ('k', '1.2', '', '', 'ok', '', 'urgent', '', '', '2026-01-01T00:00:00Z', 1, '')"
            )
    row = film("a", sop_uid="1.2")
    assert nights([row]).news.is_new(row) is (version == 0)  # type: ignore[union-attr]
    assert len(runs(state)) == 1 + (version > 0)
    assert nights.told == []


def test_a_history_of_a_later_version_is_not_touched(nights: Nights, state: Path):
    nights([film("a")])
    with contextlib.closing(sqlite3.connect(state / NAME)) as found:
        found.execute("PRAGMA user_version = 99")
    with pytest.raises(OutputError, match="later version"):
        open_history(state)
    nights([film("a")])
    assert "later version" in nights.told[0]


def test_prune_takes_old_runs_and_films_that_are_gone(nights: Nights, state: Path):
    nights([film("a"), film("b")])
    nights([film("b")], hours=24 * 30)
    assert prune(state, 10) == (1, 1)
    assert len(runs(state)) == 1
    assert len(films_of(state)) == 1


def test_of_two_runs_in_a_night_the_last_counts(nights: Nights, state: Path):
    nights([film("a")])
    nights([film("a"), film("b")], hours=1)
    assert [run.scored for run in by_night(runs(state))] == [2]


def test_the_key_is_made_once_and_a_damaged_one_set_aside(state: Path):
    told: list[str] = []
    one = keyed(state)("film", "a")
    assert keyed(state)("film", "a") == one
    assert keyed(state)("list", "a") != one
    (state / "key").write_bytes(b"\0" * 65)
    assert keyed(state, told.append)("film", "a") != one
    assert len(told) == 1


def test_runs_as_json_hold_neither_key_nor_path(nights: Nights, state: Path):
    nights([film("a")])
    [run] = runs(state)
    text = json.dumps(run.as_dict())
    assert str(nights.root) not in text
    assert run.as_dict()["psi"] > 1


def test_a_patients_earlier_study_is_known_by_a_hash(nights: Nights):
    anna, bert = "a" * 32, "b" * 32

    def taken(name: str, study: str, patient: str, day: str) -> Row:
        return film(name, study_uid=study, sop_uid=study + ".1", note=Note(patient, day))

    rows = [
        taken("1", "2.3", anna, "20260301"),
        taken("2", "2.1", anna, "20260101"),
        taken("3", "2.2", anna, "20260201"),
        taken("4", "2.4", bert, "20260101"),
        taken("5", "2.5", "", "20260401"),
    ]
    nights(rows)
    kept = [replace(row, note=None) for row in rows]
    nights(kept)  # rows that are kept say nothing new, and forget nothing
    with nights.run() as recorder:
        earlier = {row.study_uid: recorder.earlier_study(row.study_uid) for row in rows}
        assert recorder.earlier_study("9.9") == recorder.earlier_study("") == ""
    assert earlier == {"2.1": "", "2.2": "2.1", "2.3": "2.2", "2.4": "", "2.5": ""}


def test_no_question_reads_all_films(nights: Nights, state: Path):
    nights([film("1", study_uid="2.1", sop_uid="3.1", note=Note("a" * 32, "20260101"))])
    asked: list[str] = []
    with contextlib.closing(open_history(state)) as history:
        history.set_trace_callback(asked.append)
        assert first_seen(history, "no key", "3.1") != ""
        assert earlier_study(history, "2.1") == ""
        history.set_trace_callback(None)
        assert len(asked) == 5
        plans = [step[3] for query in asked for step in history.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert [plan for plan in plans if " film " in plan and "=?)" not in plan] == []


def test_films_that_an_anonymiser_made_one_patients_and_gave_one_uid_cost_no_more_each(nights: Nights, state: Path):
    rows = [
        film(f"{number}", study_uid=f"2.{number}", sop_uid="3.1", note=Note("a" * 32, f"{20200101 + number}"))
        for number in range(MOST)
    ]
    nights(rows)

    def steps() -> int:
        """Of SQLite, in tens, for two questions."""
        taken = [0]

        def count() -> int:
            taken[0] += 1
            return 0

        with contextlib.closing(open_history(state)) as history:
            history.set_progress_handler(count, 10)
            assert first_seen(history, "no key", "3.1") != ""
            assert earlier_study(history, "2.2") == ("2.1" if nights_films <= MOST else "")
        return taken[0]

    nights_films = len(rows)
    before = steps()
    nights([*rows, film("one more", study_uid="2.x", sop_uid="3.1", note=Note("a" * 32, "20300101"))])
    nights_films += 1
    assert steps() < before


def test_a_study_of_two_patients_is_linked_with_none(nights: Nights):
    rows = [
        film("1", study_uid="2.1", note=Note("a" * 32, "20260101")),
        film("2", study_uid="2.2", note=Note("a" * 32, "20260201")),
        film("3", study_uid="2.2", note=Note("b" * 32, "20260201")),
    ]
    nights(rows)
    with nights.run() as recorder:
        assert recorder.earlier_study("2.2") == ""
