"""What every run adds to the history, through one function: the run, and each film's last state. Never a name.

`recording` is for whatever makes lists: it never raises, and never keeps a run waiting for long. A history that is
broken is set aside and made anew; one that is locked hears of the run later; the list is whole in any case.
"""

import contextlib
import json
import os
import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from ..disk.overwrite import in_own_folder
from ..disk.replace import replace_bytes
from ..errors import OutputError, StorageError
from ..lists.run_report import digest_of
from ..lists.table import Note, Row, rows_in
from . import audit_log, clock
from .database import Broken, breaking, open_history, renew, writing_to
from .heard import News, earlier_study, film_key, first_seen, since_of
from .state import Keyed, held, keyed

ROWS_AT_ONCE = 500
LATER = "later.jsonl"  #: runs that a locked history is still to hear of
SCORED = ("ok", "review")
#: Kept rows come without a note: what an earlier run heard stays.
_NOTED = ", patient = excluded.patient, taken = excluded.taken, gate = excluded.gate"
T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """What a run is, when it begins."""

    kind: str  #: batch, shadow, listen, archive
    list: Path  #: as the command names it: one name for all nights, with its {date}
    folder: Path  #: that is read
    facts: dict[str, Any] = field(default_factory=dict)  #: engine, network, thresholds, versions


class Tonight:
    """What a night's new films are, as they stood at its end: later nights may mend what failed in this one."""

    def __init__(self, edges: Sequence[float]) -> None:
        self.status: Counter[str] = Counter()
        self.bands: Counter[str] = Counter()  #: of the scored
        self.reasons: Counter[str] = Counter()
        self._edges = edges
        self._bins = [0] * (len(edges) + 1)

    def count(self, row: Row, score: float | None) -> None:
        self.status[row.status] += 1
        if row.code:
            self.reasons[row.code] += 1
        if row.status in SCORED:
            self.bands[row.priority] += 1
            if score is not None:
                self._bins[bisect_right(self._edges, score)] += 1

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {"status": dict(self.status), "bands": dict(self.bands), "reasons": dict(self.reasons)}
        return found | ({"bins": self._bins} if self._edges else {})


@contextlib.contextmanager
def recording(folder: Path | None, run: Run, tell: Callable[[str], None]) -> Generator["Recorder"]:
    """A run's entry in the history of a state folder; None: nothing is recorded.

    tell: is given a line when a damaged history is set aside, and one at the end, where something could not be written;
    none where the run itself ended for want of room, and says so.
    """
    recorder = Recorder(folder, run, tell)
    try:
        yield recorder
    except BaseException as error:
        recorder.failed(error)
        raise
    finally:
        recorder.close()


class Recorder:
    """One run's way into the history. None of its methods raises for what is wrong with the history."""

    def __init__(self, folder: Path | None, run: Run, tell: Callable[[str], None]) -> None:
        self._folder, self._run, self._tell = folder, run, tell
        self._database: sqlite3.Connection | None = None
        self._keyed: Keyed | None = None
        self._number = 0
        self._started = clock.now()
        self._renewed = self._off = self._locked = self._ended = False
        self._lacks: list[str] = []  # what could not be written, and why
        self.since = clock.stamp(self._started)
        self._do(self._begin)

    @property
    def news(self) -> News | None:
        """For summary and page; None where there is no history to ask."""
        return None if self._off or self._folder is None else News(self.since, self.first_seen, self.earlier_study)

    def see(self, rows: list[Row]) -> None:
        """Films as they are scored, so that a killed run's are known, too."""
        if self._run.kind != "shadow":
            self._do(lambda database: self._add(database, iter(rows)))

    def first_seen(self, row: Row) -> str:
        """When the history first heard of a film; '' where it did not."""
        return self._do(lambda database: self._ask(database, row)) or ""

    def earlier_study(self, study_uid: str) -> str:
        """StudyInstanceUID of the patient's study before this one, by a keyed hash; '' where none is known."""
        return self._do(lambda database: earlier_study(database, study_uid)) or ""

    def end(self, state: str, csv: Path | None, seconds: float, facts: dict[str, Any]) -> Counter[str] | None:
        """The run's end, in one piece with all films of the finished list; returns the new of them by band.

        state: finished, interrupted. csv: the list, where it is whole. None where there is no history.
        """
        self._ended = True
        new = self._do(lambda database: self._end(database, state, csv, seconds, facts), last=(state, seconds, facts))
        self._log(state, csv, facts)
        return new

    def failed(self, error: BaseException) -> None:
        """The run ended by an error, unless its end is told already."""
        if not self._ended:
            state = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            self.end(state, None, (clock.now() - self._started).total_seconds(), {"error": type(error).__name__})
        if isinstance(error, StorageError):
            self._lacks.clear()

    def close(self) -> None:
        """Say what could not be written, and let go of the history."""
        self._let_go()
        if self._lacks:
            self._tell(f"{' and '.join(self._lacks)}: the list is none the worse for it")
            self._lacks.clear()

    def _let_go(self) -> None:
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None

    def _log(self, state: str, csv: Path | None, facts: dict[str, Any]) -> None:
        """The run's line in the audit log."""
        if self._folder is None:
            return
        told = {name: self._run.facts.get(name) for name in ("engine", "network", "thresholds")}
        told |= {name: facts[name] for name in ("files", "status", "priority", "error") if name in facts}
        try:
            if csv is not None:
                told["list_sha256"] = digest_of(csv)
            name = self._list() if self._keyed else ""
            audit_log.append(self._folder, self._run.kind, {"state": state, "list": name} | told)
        except (OutputError, StorageError, OSError) as error:
            self._lacks.append(f"the audit log cannot be written ({error})")

    # --- inside one call of _do: may raise whatever SQLite and the disk do ---

    def _begin(self, database: sqlite3.Connection) -> None:
        run, name = self._run, self._list()
        with writing_to(database):
            database.execute(
                "UPDATE run SET state = 'cut off' WHERE list = ? AND kind = ? AND state = 'running'", (name, run.kind)
            )
            self.since = since_of(database, name, run.kind, self._started)
            entry = (name, clock.local_day(self._started), run.kind, clock.stamp(self._started), json.dumps(run.facts))
            self._number = (
                database.execute(
                    "INSERT INTO run (list, night, kind, started, state, facts) VALUES (?, ?, ?, ?, 'running', ?)",
                    entry,
                ).lastrowid
                or 0
            )

    def _add(self, database: sqlite3.Connection, rows: Iterator[Row]) -> None:
        for some in _some(rows):
            with writing_to(database):
                self._put(database, some, Tonight(()))

    def _put(self, database: sqlite3.Connection, rows: tuple[Row, ...], tonight: "Tonight") -> None:
        today = clock.local_day(self._started)
        for row in rows:
            seen = self._ask(database, row) or clock.stamp(self._started)
            score = float(row.p_pneumonia) if row.p_pneumonia else None
            database.execute(
                "INSERT INTO film (key, sop_uid, series_uid, study_uid, status, code, band, finding, score, model,"
                " first_seen, first_run, last_seen, patient, taken, gate)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET sop_uid = excluded.sop_uid, series_uid = excluded.series_uid,"
                " study_uid = excluded.study_uid, status = excluded.status, code = excluded.code,"
                " band = excluded.band, finding = excluded.finding, score = excluded.score, model = excluded.model,"
                " last_seen = excluded.last_seen" + (_NOTED if row.note else ""),
                (
                    *(self._key(row), row.sop_uid, row.series_uid, row.study_uid, row.status, row.code, row.priority),
                    *(row.finding, score, row.model, seen, self._number, today, *(row.note or Note())),
                ),
            )
            if seen >= self.since:
                tonight.count(row, score)

    def _ask(self, database: sqlite3.Connection, row: Row) -> str:
        return first_seen(database, self._key(row), row.sop_uid)

    def _end(
        self, database: sqlite3.Connection, state: str, csv: Path | None, seconds: float, facts: dict[str, Any]
    ) -> Counter[str]:
        tonight = Tonight(self._run.facts.get("distribution", {}).get("edges", ()))
        digest = ""
        with writing_to(database):  # films and run in one piece: they never disagree
            if csv is not None and self._run.kind != "shadow":
                for some in _some(rows_in(csv)):
                    self._put(database, some, tonight)
                digest = digest_of(csv)
            told = self._run.facts | facts | {"tonight": tonight.as_dict()}
            database.execute(
                "UPDATE run SET state = ?, ended = ?, seconds = ?, digest = ?, facts = ? WHERE id = ?",
                (state, clock.stamp(clock.now()), seconds, digest, json.dumps(told), self._number),
            )
        return tonight.bands

    # --- what is wrong with the history costs no run ---

    def _do(
        self, act: Callable[[sqlite3.Connection], T], last: tuple[str, float, dict[str, Any]] | None = None
    ) -> T | None:
        if self._folder is None or self._off:
            self._remember(last)
            return None
        try:
            return self._on(act)
        except Broken:
            self._stop("is damaged again")
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            self._locked = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            later = "is locked by another process and hears of it later"
            self._stop(later if self._locked else f"cannot be written ({error})")
        except (OutputError, StorageError, OSError) as error:
            self._stop(f"cannot be written ({error})")
        self._remember(last)
        return None

    def _on(self, act: Callable[[sqlite3.Connection], T]) -> T:
        assert self._folder is not None
        try:
            with breaking():
                return act(self._open())
        except Broken:
            if self._renewed:
                raise
            self._renewed = True
            self._let_go()
            if name := renew(self._folder):
                self._tell(f"the history of earlier nights was damaged: it is kept as {name}, and a new one is begun")
            with breaking():
                database = self._open()
                if act != self._begin:
                    self._begin(database)
                return act(database)

    def _open(self) -> sqlite3.Connection:
        assert self._folder is not None
        if self._database is None:
            self._keyed = keyed(self._folder, self._tell)
            self._database = open_history(self._folder)
            _hear_later(self._folder, self._database)
        return self._database

    def _stop(self, why: str) -> None:
        self._off = True
        self._let_go()
        self._lacks.append(f"the history {why}")

    def _remember(self, last: tuple[str, float, dict[str, Any]] | None) -> None:
        """Of a run that a locked history could not take: its row, for the next run to enter."""
        if last is None or not self._locked or self._folder is None or self._keyed is None:
            return
        state, seconds, facts = last
        entry = {
            "list": self._list(), "night": clock.local_day(self._started), "kind": self._run.kind,
            "started": clock.stamp(self._started), "ended": clock.stamp(clock.now()), "state": state,
            "seconds": seconds, "facts": json.dumps(self._run.facts | facts), "number": self._number,
        }  # fmt: skip
        with contextlib.suppress(OutputError, StorageError, OSError), held(self._folder):
            file = self._folder / LATER
            before = file.read_bytes() if file.exists() else b""
            replace_bytes(file, before + json.dumps(entry).encode() + b"\n", in_own_folder, private=True)

    def _key(self, row: Row) -> str:
        assert self._keyed is not None
        return film_key(self._keyed, self._run.folder, row)

    def _list(self) -> str:
        assert self._keyed is not None
        return list_key(self._keyed, self._run.list)


def _some(rows: Iterator[Row]) -> Iterator[tuple[Row, ...]]:
    while some := tuple(islice(rows, ROWS_AT_ONCE)):
        yield some


def key_of_patients(folder: Path | None) -> bytes:
    """The key of the patients' hashes, for the processes that read films; nothing where no history is kept."""
    if folder is None:
        return b""
    with contextlib.suppress(OutputError, StorageError, OSError):  # the recorder tells of it
        return keyed(folder).sub_key("patient")
    return b""


def list_key(keyed: Keyed, out: Path) -> str:
    """What the history calls a list; with {date} in its name, all its nights are one."""
    return keyed("list", os.path.abspath(out))


_DAMAGE = (
    *(ValueError, KeyError, TypeError, OverflowError),
    *(sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.IntegrityError),  # a value of another kind
)


def _hear_later(folder: Path, database: sqlite3.Connection) -> None:
    """Enter the runs that could not be entered while the history was locked. What is damaged of them is left out."""
    file = folder / LATER
    if not file.exists():
        return
    columns = ("list", "night", "kind", "started", "ended", "state", "seconds", "facts")
    with held(folder):
        lines = file.read_bytes().splitlines() if file.exists() else ()  # another run may have entered them meanwhile
        for line in lines:
            with contextlib.suppress(*_DAMAGE):
                entry = json.loads(line)
                with writing_to(database):
                    if entry["number"]:
                        database.execute("DELETE FROM run WHERE id = ? AND state <> 'finished'", (entry["number"],))
                    same = (entry["list"], entry["kind"], entry["started"])  # entered, and killed before the file went
                    if not database.execute(
                        "SELECT 1 FROM run WHERE list = ? AND kind = ? AND started = ? AND state <> 'running'", same
                    ).fetchone():
                        marks = ", ".join("?" * len(columns))
                        values = [entry[name] for name in columns]
                        database.execute(f"INSERT INTO run ({', '.join(columns)}) VALUES ({marks})", values)
        file.unlink(missing_ok=True)
