"""What was fetched already, from which PACS: a SQLite file, so that windows may overlap and a night may be cut off."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from ..disk.replace import create
from .notes import trouble

FILE = "fetched.sqlite"
_LOST = "and films are fetched once more"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS film (
  source TEXT NOT NULL, sop_uid TEXT NOT NULL, study TEXT NOT NULL, fetched REAL NOT NULL, fate TEXT NOT NULL,
  PRIMARY KEY (source, sop_uid)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS film_of_study ON film (source, study, fate);
CREATE TABLE IF NOT EXISTS study (
  source TEXT NOT NULL, study TEXT NOT NULL, instances INTEGER NOT NULL,
  PRIMARY KEY (source, study)
) WITHOUT ROWID;
"""
#: Fates of a film. own: an object that xscan made, which is not fetched again. damaged: kept, so that the list says so,
#: and asked for again each time.
KEPT, OWN, DAMAGED = "kept", "own", "damaged"


class Seen:
    """UIDs of films that are on the disk, and of studies that were whole. Use as a context manager; from any thread."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE
        try:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileExistsError):
                os.close(create(self.path, private=True))
            # C-STORE requests come on threads of their own, one at a time.
            self._store = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
            self._store.executescript(f"PRAGMA synchronous = FULL; {_SCHEMA}")
        except (OSError, sqlite3.Error) as error:
            raise trouble(self.path, error, _LOST) from None

    def __enter__(self) -> "Seen":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def films(self, source: str, study: str) -> set[str]:
        """Instances of a study that need not be fetched."""
        query = "SELECT sop_uid FROM film WHERE source = ? AND study = ? AND fate != ?"
        return {uid for (uid,) in self._do(query, (source, study, DAMAGED)).fetchall()}

    def add(self, source: str, study: str, sop_uid: str, fate: str) -> None:
        """A film is on the disk. Raises StorageError."""
        self._do("INSERT OR REPLACE INTO film VALUES (?, ?, ?, ?, ?)", (source, sop_uid, study, time.time(), fate))

    def is_complete(self, source: str, study: str, instances: int | None) -> bool:
        """Whether all of a study was there when the PACS said that it has as many objects as now."""
        query = "SELECT instances FROM study WHERE source = ? AND study = ?"
        found = self._do(query, (source, study)).fetchone()
        return instances is not None and found == (instances,)

    def complete(self, source: str, study: str, instances: int) -> None:
        """All that was wanted of a study is there. Raises StorageError."""
        self._do("INSERT OR REPLACE INTO study VALUES (?, ?, ?)", (source, study, instances))

    def forget(self, source: str) -> None:
        """All of this PACS is to be fetched again. Raises StorageError."""
        self._do("DELETE FROM film WHERE source = ?", (source,))
        self._do("DELETE FROM study WHERE source = ?", (source,))

    def prune(self, before: float) -> int:
        """Forget films that were fetched before a time (seconds since the epoch); returns how many. A study goes with
        its last film. Raises StorageError."""
        gone = self._do("DELETE FROM film WHERE fetched < ?", (before,)).rowcount
        self._do(
            "DELETE FROM study WHERE NOT EXISTS "
            "(SELECT 1 FROM film WHERE film.source = study.source AND film.study = study.study)",
            (),
        )
        return gone

    def _do(self, query: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._store.execute(query, values)
        except sqlite3.Error as error:
            raise trouble(self.path, error, _LOST) from None
