"""What is to go to which PACS, and what came of it: a status for each object and destination, in one SQLite file.

An object stands here by what it is about (film, result, kind), not as bytes: it is made when it is sent, from the film
on the disk, so that no patient's identity waits in a folder of ours. The file holds paths and UIDs, as the list does,
and is for its owner alone.
"""

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Generator, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from ..disk.replace import create
from ..errors import OutputError
from ..lists.table import Row
from .destinations import Destination, Kind
from .films import find_films, to_text
from .notes import trouble
from .objects.result import Result, instance_uid, series_uid

FILE = "outbox.sqlite"
#: Seconds until the next try, after each one that failed for a reason that passes; the last one is repeated.
WAITS = (60, 300, 900, 3600)
#: Tries of one object while the PACS itself answers; a PACS that is down costs none.
MOST_TRIES = 12
_PART = 200  #: rows in one transaction
_LOST = "and send the lists again: the objects are the same"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pause (destination TEXT PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS object (
  number INTEGER PRIMARY KEY,
  destination TEXT NOT NULL, kind TEXT NOT NULL, instance TEXT NOT NULL, series TEXT NOT NULL, sop_uid TEXT NOT NULL,
  row TEXT NOT NULL, film TEXT NOT NULL, points TEXT NOT NULL, version TEXT NOT NULL, made REAL NOT NULL,
  state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, code TEXT NOT NULL DEFAULT '',
  changed REAL NOT NULL,
  UNIQUE (destination, instance)
);
CREATE INDEX IF NOT EXISTS waiting ON object (destination, state, due);
DROP INDEX IF EXISTS film;
CREATE INDEX IF NOT EXISTS film_state ON object (destination, kind, sop_uid, state);
"""


class State(StrEnum):
    WAITING = "waiting"
    SENT = "sent"  #: the PACS said that it has it
    FAILED = "failed"  #: refused for good, or too often; `code` says why
    SUPERSEDED = "superseded"  #: a later result of the same film came before it was sent


@dataclass(frozen=True)
class Waiting:
    """One object that is to be sent now."""

    number: int
    kind: Kind
    instance: str
    row: Row
    film: str  #: `films.from_text` has it
    result: Result
    predecessor: tuple[str, str] | None  #: series and instance of what was sent of an earlier result
    tries: int


@dataclass(frozen=True)
class Status:
    """What became of one object."""

    destination: str
    kind: Kind
    sop_uid: str  #: of its film
    state: State
    code: str  #: docs/pacs.md has them
    tries: int
    due: float  #: when it is tried next, seconds since the epoch; for one that waits


@dataclass(frozen=True)
class Enqueued:
    new: int = 0  #: objects that wait now
    known: int = 0  #: objects that stood here already: sent, or waiting
    no_dicom: int = 0  #: scored rows without a DICOM film, of which no object can be made
    gone: int = 0  #: scored rows whose film is not there any more, or has another size


class Outbox:
    """The outbox in a folder of xscan's own state. Use as a context manager."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE
        try:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileExistsError):
                os.close(create(self.path, private=True))
            self._store = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            self._store.executescript(f"PRAGMA synchronous = FULL; {_SCHEMA}")
        except (OSError, sqlite3.Error) as error:
            raise trouble(self.path, error, _LOST) from None

    def __enter__(self) -> "Outbox":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def enqueue(
        self,
        folder: Path,
        rows: Iterable[Row],
        destination: Destination,
        points: tuple[float, float] | None,
        version: str,
        *,
        again: bool = False,
    ) -> Enqueued:
        """Put what the destination wants of each scored row into the outbox; what stands there already stays as it is.

        folder: where the films are. rows: in the list's order. points: rule-out and rule-in. version: of xscan.
        again: also what was sent, or had failed, is to be sent once more. Raises UsageError, StorageError.
        """
        new = known = no_dicom = gone = 0
        films = find_films(folder, (row for row in rows if row.priority))
        while part := list(islice(films, _PART)):  # the walk holds no lock: others send meanwhile
            with self._changing():
                for row, found in part:
                    if not row.sop_uid or not row.study_uid:
                        no_dicom += 1
                        continue
                    if found is None:
                        gone += 1
                        continue
                    for kind in destination.send:
                        if kind is Kind.KO and row.priority != "urgent":
                            continue
                        added = self._add(destination, kind, row, to_text(found), points, version, again)
                        new, known = new + added, known + (not added)
        return Enqueued(new, known, no_dicom, gone)

    def _add(
        self,
        destination: Destination,
        kind: Kind,
        row: Row,
        film: str,
        points: tuple[float, float] | None,
        version: str,
        again: bool,
    ) -> bool:
        now = time.time()
        try:
            result = Result.of(row, points, version, datetime.fromtimestamp(int(now), UTC))
        except ValueError:
            raise OutputError("the CSV is damaged: a scored row without its numbers") from None
        instance = instance_uid(kind, row.sop_uid, result, *(["contour"] if _has_contour(kind, destination) else []))
        series = series_uid(kind, row.study_uid, result)
        key = (destination.name, instance)
        known = self._store.execute(
            "SELECT number, state FROM object WHERE destination = ? AND instance = ?", key
        ).fetchone()
        if known is not None:
            # The film may have moved, such as when it was fetched again.
            self._store.execute("UPDATE object SET film = ?, row = ? WHERE number = ?", (film, _row(row), known[0]))
            if known[1] == State.SUPERSEDED or (again and known[1] != State.WAITING):
                self._store.execute(
                    "UPDATE object SET state = ?, tries = 0, due = ?, code = '', changed = ? WHERE number = ?",
                    (State.WAITING, now, now, known[0]),
                )
                known = None
        else:
            about = (destination.name, kind, instance, series, row.sop_uid)
            content = (_row(row), film, json.dumps(points), version)
            self._store.execute(
                "INSERT INTO object (destination, kind, instance, series, sop_uid, row, film, points, version, made, "
                "state, due, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*about, *content, int(now), State.WAITING, now, now),
            )
        self._store.execute(
            "UPDATE object SET state = ?, changed = ? WHERE destination = ? AND kind = ? AND sop_uid = ? "
            "AND state = ? AND instance != ?",
            (State.SUPERSEDED, now, destination.name, kind, row.sop_uid, State.WAITING, instance),
        )
        return known is None

    def due(self, destination: str, most: int = 100) -> list[Waiting]:
        """The objects whose turn has come, the oldest first; none while the PACS itself is left alone."""
        now = time.time()
        if self._paused_until(destination) > now:
            return []
        rows = self._ask(
            "SELECT number, kind, instance, row, film, points, version, made, tries, sop_uid FROM object "
            "WHERE destination = ? AND state = ? AND due <= ? ORDER BY number LIMIT ?",
            (destination, State.WAITING, now, most),
        )
        return [self._waiting(destination, row) for row in rows]

    def _waiting(self, destination: str, found: tuple[Any, ...]) -> Waiting:
        number, kind, instance, row, film, points, version, made, tries, sop_uid = found
        rule_out_in = tuple(json.loads(points) or ()) or None
        content = Row(**json.loads(row))
        result = Result.of(content, rule_out_in, version, datetime.fromtimestamp(made, UTC))
        earlier = self._ask(
            "SELECT series, instance FROM object WHERE destination = ? AND kind = ? AND sop_uid = ? AND state = ? "
            "AND number < ? ORDER BY number DESC LIMIT 1",
            (destination, kind, sop_uid, State.SENT, number),
        )
        return Waiting(number, Kind(kind), instance, content, film, result, earlier[0] if earlier else None, tries)

    def sent(self, number: int, code: str = "") -> None:
        """The PACS has it. code: of a warning that it gave, '' for none."""
        self._mark(number, State.SENT, code)

    def failed(self, number: int, code: str) -> None:
        """It is never to be sent as it is."""
        self._mark(number, State.FAILED, code)

    def later(self, item: Waiting, code: str) -> bool:
        """The PACS did not take it, for a reason that may pass: try again later. Too often is failed: then True."""
        if item.tries + 1 >= MOST_TRIES:
            self._mark(item.number, State.FAILED, code)
            return True
        now = time.time()
        wait = WAITS[min(item.tries, len(WAITS) - 1)]
        with self._changing():
            self._store.execute(
                "UPDATE object SET tries = tries + 1, due = ?, code = ?, changed = ? WHERE number = ?",
                (now + wait, code, now, item.number),
            )
        return False

    def postpone(self, destination: str, seconds: float) -> None:
        """The PACS itself does not answer: nothing for it is due until then, and no try is counted.

        One row, however many objects wait.
        """
        with self._changing():
            self._store.execute(
                "INSERT INTO pause VALUES (?, ?) ON CONFLICT (destination) DO UPDATE SET until = excluded.until",
                (destination, time.time() + seconds),
            )

    def _paused_until(self, destination: str) -> float:
        found = self._ask("SELECT until FROM pause WHERE destination = ?", (destination,))
        return found[0][0] if found else 0.0

    def _mark(self, number: int, state: State, code: str) -> None:
        with self._changing():
            self._store.execute(
                "UPDATE object SET state = ?, code = ?, tries = tries + 1, changed = ? WHERE number = ?",
                (state, code, time.time(), number),
            )

    def try_now(self, destination: str) -> None:
        """What waits for a later time is due at once: a person asked."""
        with self._changing():
            self._store.execute("DELETE FROM pause WHERE destination = ?", (destination,))
            self._store.execute(
                "UPDATE object SET due = 0 WHERE destination = ? AND state = ? AND due > ?",
                (destination, State.WAITING, time.time()),
            )

    def next_due(self, destination: str) -> float | None:
        """When the next object's turn comes (seconds since the epoch); None where none waits."""
        query = "SELECT min(due) FROM object WHERE destination = ? AND state = ?"
        first = self._ask(query, (destination, State.WAITING))[0][0]
        return None if first is None else max(first, self._paused_until(destination))

    def counts(self, destination: str) -> dict[str, int]:
        """How many objects are in each state."""
        query = "SELECT state, count(*) FROM object WHERE destination = ? GROUP BY state"
        return dict(self._ask(query, (destination,)))

    def codes(self, destination: str, state: State) -> dict[str, int]:
        """Why objects wait or have failed: code and how many."""
        query = "SELECT code, count(*) FROM object WHERE destination = ? AND state = ? AND code != '' GROUP BY code"
        return dict(self._ask(query, (destination, state)))

    def statuses(self, destination: str = "", everything: bool = False) -> list[Status]:
        """Each object that waits or had failed, in the order in which they came. destination: '' for all of them.
        everything: also what was sent or superseded."""
        query = (
            "SELECT destination, kind, sop_uid, state, code, tries, due FROM object "
            "WHERE ? IN ('', destination) AND (? OR state IN (?, ?)) ORDER BY number"
        )
        rows = self._ask(query, (destination, everything, State.WAITING, State.FAILED))
        paused = dict(self._ask("SELECT destination, until FROM pause"))
        return [
            Status(to, Kind(kind), uid, State(state), code, tries, max(due, paused.get(to, 0.0)))
            for to, kind, uid, state, code, tries, due in rows
        ]

    def destinations(self) -> list[str]:
        """Those for which anything stands here."""
        return [name for (name,) in self._ask("SELECT DISTINCT destination FROM object ORDER BY 1")]

    def waiting_films(self) -> set[str]:
        """SOP Instance UIDs of films of which an object is still to be made."""
        query = "SELECT DISTINCT sop_uid FROM object WHERE state = ?"
        return {uid for (uid,) in self._ask(query, (State.WAITING,))}

    def prune(self, before: float) -> int:
        """Forget what was sent, failed or superseded before a time (seconds since the epoch); returns how many."""
        with self._changing():
            query = "DELETE FROM object WHERE state != ? AND changed < ?"
            return self._store.execute(query, (State.WAITING, before)).rowcount

    def _ask(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._store.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise trouble(self.path, error, _LOST) from None

    @contextlib.contextmanager
    def _changing(self) -> Generator[None]:
        try:
            self._store.execute("BEGIN IMMEDIATE")
            yield
            self._store.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise trouble(self.path, error, _LOST) from None
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._store.execute("ROLLBACK")


def _row(row: Row) -> str:
    return json.dumps(asdict(row))


def _has_contour(kind: Kind, destination: Destination) -> bool:
    return kind is Kind.SC and destination.contour


def enqueue(
    state: Path,
    folder: Path,
    rows: Iterable[Row],
    destination: Destination,
    points: tuple[float, float] | None = None,
) -> Enqueued:
    """`Outbox.enqueue` in one call, for who scores studies as they come: `send.deliver` sends what waits.

    state: folder of xscan's state. folder: where the rows' films are. Raises UsageError, OutputError, StorageError.
    """
    from importlib.metadata import version

    with Outbox(state) as outbox:
        return outbox.enqueue(folder, rows, destination, points, version("xscan"))
