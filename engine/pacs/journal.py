"""What has come and what became of it, in SQLite: survives a kill at any moment. No patient data but UIDs.

film    one received instance: which study, which file, which settling it belongs to (NULL while its study arrives)
study   a StudyInstanceUID and its folder in the store
settling  a study was settled: again for late films, whose scores supersede the earlier ones

Two processes use it: the receiver writes films and settlings, the main process what was scored.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import OutputError
from .notes import trouble
from .settle import Why

_MARK = 0x78534C4A  #: application_id: xSLJ
_VERSION = 1
_LOST = "films in the store are taken up again"
_SCHEMA = f"""
PRAGMA application_id = {_MARK};
PRAGMA user_version = {_VERSION};
CREATE TABLE study (
  number INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  folder TEXT NOT NULL UNIQUE
);
CREATE TABLE settling (
  number INTEGER PRIMARY KEY,
  study INTEGER NOT NULL REFERENCES study,
  at REAL NOT NULL,
  why TEXT NOT NULL,
  films INTEGER NOT NULL,
  scored REAL,
  superseded INTEGER REFERENCES settling
);
CREATE INDEX settling_of_study ON settling (study);
CREATE INDEX unscored ON settling (number) WHERE scored IS NULL;
CREATE TABLE film (
  number INTEGER PRIMARY KEY,
  sop_uid TEXT NOT NULL,
  digest TEXT NOT NULL,
  study INTEGER NOT NULL REFERENCES study,
  file TEXT NOT NULL UNIQUE,
  received REAL NOT NULL,
  times INTEGER NOT NULL DEFAULT 1,
  settling INTEGER REFERENCES settling,
  UNIQUE (sop_uid, digest)
);
CREATE INDEX film_of_study ON film (study, settling);
CREATE INDEX arriving ON film (study) WHERE settling IS NULL;
"""


@dataclass(frozen=True)
class Old:
    """A film of a study that is over."""

    number: int
    sop_uid: str
    digest: str
    file: str


@dataclass(frozen=True)
class Settled:
    """A study that waits for its scores."""

    number: int
    study: int
    uid: str  #: StudyInstanceUID
    folder: str  #: in the store, with forward slashes
    films: int  #: new since the study's earlier settling
    late: bool  #: the study was settled before: its results supersede earlier ones


class Journal:
    """Use as a context manager; from any thread. Raises OutputError for a file that is no journal of xscan's, and
    StorageError where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def __enter__(self) -> "Journal":
        try:
            self._db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            # A kill loses nothing of a WAL; a power cut may lose its end, and films on the disk are taken up again.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            with self._change() as db:
                self._prepare(db)
        except sqlite3.Error as error:
            raise trouble(self.path, error, _LOST) from None
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def _prepare(self, db: sqlite3.Connection) -> None:
        (mark,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (mark, version) != ((_MARK, _VERSION) if tables else (0, 0)):
            raise OutputError(f"{self.path} is no journal of this version of xscan: give another --state")
        if not tables:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)

    def file_of(self, sop_uid: str, digest: str) -> str | None:
        """Where the very film is, if it came before."""
        with self._reading() as db:
            row = db.execute("SELECT file FROM film WHERE sop_uid = ? AND digest = ?", (sop_uid, digest)).fetchone()
        return row and row[0]

    def has_other(self, sop_uid: str, digest: str) -> bool:
        """Whether a film of other content has come under the same SOPInstanceUID."""
        with self._reading() as db:
            query = "SELECT 1 FROM film WHERE sop_uid = ? AND digest <> ? LIMIT 1"
            return bool(sop_uid) and db.execute(query, (sop_uid, digest)).fetchone() is not None

    def folder_of(self, study_uid: str) -> str | None:
        with self._reading() as db:
            row = db.execute("SELECT folder FROM study WHERE uid = ?", (study_uid,)).fetchone()
        return row and row[0]

    def add(self, sop_uid: str, digest: str, study_uid: str, folder: str, file: str) -> int:
        """A film is on the disk; returns its study's number. One that is there already is new again: its file was gone,
        or the journal knew more than the disk."""
        with self._change() as db:
            db.execute("INSERT OR IGNORE INTO study (uid, folder) VALUES (?, ?)", (study_uid, folder))
            (study,) = db.execute("SELECT number FROM study WHERE uid = ?", (study_uid,)).fetchone()
            db.execute(
                "INSERT INTO film (sop_uid, digest, study, file, received) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (sop_uid, digest) DO UPDATE SET settling = NULL, received = excluded.received, "
                "file = excluded.file",
                (sop_uid, digest, study, file, time.time()),
            )
        return study

    def again(self, sop_uid: str, digest: str) -> None:
        """The very film has come once more."""
        with self._change() as db:
            db.execute("UPDATE film SET times = times + 1 WHERE sop_uid = ? AND digest = ?", (sop_uid, digest))

    def files(self) -> Iterator[str]:
        with self._reading() as db:
            rows = db.execute("SELECT file FROM film").fetchall()
        return (file for (file,) in rows)

    def arriving(self) -> list[int]:
        """Studies with films that are not settled."""
        with self._reading() as db:
            rows = db.execute("SELECT DISTINCT study FROM film WHERE settling IS NULL ORDER BY study").fetchall()
        return [study for (study,) in rows]

    def settle(self, study: int, why: Why) -> bool:
        """Settle what has come of a study; False where nothing has."""
        with self._change() as db:
            (films,) = db.execute("SELECT count(*) FROM film WHERE study = ? AND settling IS NULL", (study,)).fetchone()
            if not films:
                return False
            number = db.execute(
                "INSERT INTO settling (study, at, why, films) VALUES (?, ?, ?, ?)", (study, time.time(), why, films)
            ).lastrowid
            db.execute("UPDATE film SET settling = ? WHERE study = ? AND settling IS NULL", (number, study))
        return True

    def unscored(self) -> list[Settled]:
        """Settled studies without scores, the latest settling of each."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT max(s.number), s.study, t.uid, t.folder, sum(s.films), EXISTS "
                "(SELECT 1 FROM settling e WHERE e.study = s.study AND e.scored IS NOT NULL) "
                "FROM settling s JOIN study t ON t.number = s.study WHERE s.scored IS NULL "
                "GROUP BY s.study ORDER BY 1"
            ).fetchall()
        return [Settled(*row[:5], late=bool(row[5])) for row in rows]

    def scored(self, settled: Iterable[Settled]) -> None:
        """Studies have their scores, which take the place of earlier ones."""
        with self._change() as db:
            for one in settled:
                db.execute(
                    "UPDATE settling SET superseded = ? WHERE study = ? AND number < ? AND superseded IS NULL",
                    (one.number, one.study, one.number),
                )
                db.execute(
                    "UPDATE settling SET scored = ? WHERE study = ? AND number <= ? AND scored IS NULL",
                    (time.time(), one.study, one.number),
                )

    def old(self, before: float) -> list[Old]:
        """Films of studies that are scored, and of which nothing has come since a time (seconds since the epoch)."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT number, sop_uid, digest, file FROM film "
                "WHERE study NOT IN (SELECT study FROM film WHERE received >= ? OR settling IS NULL) "
                "AND study NOT IN (SELECT study FROM settling WHERE scored IS NULL) ORDER BY number",
                (before,),
            ).fetchall()
        return [Old(*row) for row in rows]

    def forget(self, film: int) -> None:
        """A film's file was removed; with its last one its study goes, too."""
        with self._change() as db:
            (study,) = db.execute("SELECT study FROM film WHERE number = ?", (film,)).fetchone()
            db.execute("DELETE FROM film WHERE number = ?", (film,))
            if not db.execute("SELECT 1 FROM film WHERE study = ?", (study,)).fetchone():
                db.execute("DELETE FROM settling WHERE study = ?", (study,))
                db.execute("DELETE FROM study WHERE number = ?", (study,))

    def counts(self) -> dict[str, int]:
        """Films, studies, doubles that came again, studies that still arrive, settlings without scores."""
        with self._reading() as db:
            films, doubles = db.execute("SELECT count(*), coalesce(sum(times - 1), 0) FROM film").fetchone()
            (studies,) = db.execute("SELECT count(*) FROM study").fetchone()
            (arriving,) = db.execute("SELECT count(DISTINCT study) FROM film WHERE settling IS NULL").fetchone()
            (waiting,) = db.execute("SELECT count(*) FROM settling WHERE scored IS NULL").fetchone()
        return {"films": films, "studies": studies, "doubles": doubles, "arriving": arriving, "waiting": waiting}

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise trouble(self.path, error, _LOST) from None

    @contextlib.contextmanager
    def _change(self) -> Generator[sqlite3.Connection]:
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk ends it by itself, or leaves it open
                    db.execute("ROLLBACK")
                raise
