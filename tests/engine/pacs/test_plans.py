"""What the notes of a PACS ask of SQLite for one film or series reads no more than it is about, by its plans."""

import re
import sqlite3
from pathlib import Path

import pytest

from xscan.engine.pacs.outbox import Outbox
from xscan.engine.pacs.seen import KEPT, Seen

from .lists import row_of
from .peers import films
from .test_outbox import put, to


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement, as SQLite takes it."""
    asked: list[str] = []
    real = sqlite3.connect

    def connect(*words: object, **more: object) -> sqlite3.Connection:
        found = real(*words, **more)  # type: ignore[call-overload]
        found.set_trace_callback(asked.append)
        return found

    monkeypatch.setattr(sqlite3, "connect", connect)
    return asked


def searches(path: Path, asked: list[str], table: str) -> list[tuple[str, str]]:
    """Of each statement that reads the table: which columns find its rows ('' for none: all are read), and it."""
    found = []
    with sqlite3.connect(path) as store:
        store.set_trace_callback(None)
        for query in [text for text in asked if re.match("SELECT|UPDATE|DELETE", text)]:
            for *_, step in store.execute(f"EXPLAIN QUERY PLAN {query}"):
                if re.match(rf"(SEARCH|SCAN) {table}\b", step):
                    by = re.search(r"\((.+)\)", step)
                    found.append((by[1] if by else "", query))
    return found


def test_a_series_asks_for_the_films_of_its_study_alone(tmp_path: Path, asked: list[str]) -> None:
    with Seen(tmp_path) as seen:
        seen.add("main", "2.1", "3.1", KEPT)
        asked.clear()
        assert seen.films("main", "2.1") == {"3.1"}
        assert seen.prune(0) == 0
        path = seen.path
    by = [columns for columns, query in searches(path, asked, "film") if "fetched <" not in query]
    assert len(by) == 2
    assert all(columns.startswith("source=? AND study=?") for columns in by), by


def test_a_result_looks_at_what_waits_for_its_film_alone(tmp_path: Path, asked: list[str]) -> None:
    (tmp_path / "films").mkdir()
    films(tmp_path / "films", 1)
    [film] = (tmp_path / "films").iterdir()
    with Outbox(tmp_path) as outbox:
        asked.clear()
        assert put(outbox, tmp_path / "films", [row_of(film, tmp_path / "films", "urgent")], to()).new == 2
        path = outbox.path
    by = [columns for columns, query in searches(path, asked, "object") if "sop_uid =" in query and "SET" in query]
    assert by == ["destination=? AND kind=? AND sop_uid=? AND state=?"] * 2
