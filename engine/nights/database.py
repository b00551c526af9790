"""The history's file: SQLite, versioned, brought up step by step; a broken one is set aside and made anew.

A kill costs nothing that was committed (write-ahead log), and a power cut no more than the last commits.
"""

import contextlib
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path

from ..disk.replace import create
from ..errors import OutputError
from .state import aside, held, make_folder

NAME = "history.sqlite"
OURS = 0x78736361  #: PRAGMA application_id: "xsca"
WAIT = 10.0  #: seconds that another process may keep it locked
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

#: Each brings a database one version up; PRAGMA user_version counts those that were taken.
MIGRATIONS = (
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        list TEXT NOT NULL,               -- keyed hash of the list's path, as --out names it
        night TEXT NOT NULL,              -- the local date on which it began
        kind TEXT NOT NULL,               -- batch, shadow, listen, archive
        started TEXT NOT NULL,
        ended TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL,              -- running, cut off, interrupted, failed, finished
        seconds REAL NOT NULL DEFAULT 0,
        digest TEXT NOT NULL DEFAULT '',  -- sha256 of the list
        facts TEXT NOT NULL DEFAULT '{}'  -- JSON: engine, network, thresholds, counts, versions
    );
    CREATE INDEX run_of_list ON run (list, id);
    CREATE TABLE film (
        key TEXT PRIMARY KEY,             -- keyed hash of the folder and the path in it
        sop_uid TEXT NOT NULL,
        series_uid TEXT NOT NULL,
        study_uid TEXT NOT NULL,
        status TEXT NOT NULL,
        code TEXT NOT NULL,               -- of its reason
        band TEXT NOT NULL,
        finding TEXT NOT NULL,
        score REAL,                       -- probability of pneumonia
        model TEXT NOT NULL,
        gate TEXT NOT NULL DEFAULT '',    -- the network's gate scores, where the run heard them
        first_seen TEXT NOT NULL,
        first_run INTEGER NOT NULL,
        last_seen TEXT NOT NULL           -- the date
    ) WITHOUT ROWID;
    CREATE INDEX film_of_sop ON film (sop_uid) WHERE sop_uid <> '';
    CREATE INDEX film_of_run ON film (first_run);
    """,
    # The studies of a patient, by a keyed hash, and the order in which they were taken.
    """
    ALTER TABLE film ADD COLUMN patient TEXT NOT NULL DEFAULT '';
    ALTER TABLE film ADD COLUMN taken TEXT NOT NULL DEFAULT '';
    CREATE INDEX film_of_patient ON film (patient) WHERE patient <> '';
    CREATE INDEX film_of_study ON film (study_uid) WHERE study_uid <> '';
    """,
    # When a SOPInstanceUID was first seen, however many films an anonymiser gave it to.
    """
    DROP INDEX film_of_sop;
    CREATE INDEX film_of_sop ON film (sop_uid, first_seen) WHERE sop_uid <> '';
    """,
)


class Broken(Exception):
    """The file is no sound history: it is to be set aside."""


def open_history(folder: Path) -> sqlite3.Connection:
    """The history of a state folder, made or brought up to this version.

    Raises Broken, sqlite3.Error (locked, disk full), OutputError (a later version's, another program's file),
    StorageError.
    """
    make_folder(folder)
    file = folder / NAME
    with contextlib.suppress(FileExistsError):
        os.close(create(file, private=True))
    connection = sqlite3.connect(file, timeout=WAIT, isolation_level=None)
    try:
        with breaking():
            _check(connection, file)
            connection.execute("PRAGMA journal_mode = WAL")  # stays what it was where a share knows no shared memory
            connection.execute("PRAGMA synchronous = NORMAL")
            _bring_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def read_history(folder: Path) -> sqlite3.Connection | None:
    """The history to look at; None where there is none. Raises as `open_history`."""
    return open_history(folder) if (folder / NAME).exists() else None


def renew(folder: Path) -> str:
    """Set the broken history aside, with what SQLite keeps beside it; returns its new name.

    '' where another process has made it anew meanwhile. Raises OutputError, StorageError.
    """
    with held(folder):
        if _is_sound(folder / NAME):
            return ""
        kept = [aside(path).name for path in (folder / (NAME + end) for end in ("", "-wal", "-shm")) if path.exists()]
        return kept[0] if kept else ""


def _is_sound(file: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(file, timeout=WAIT)) as connection:
            [tables] = connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('run', 'film')").fetchone()
            return tables == 2 and connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error:
        return False


@contextlib.contextmanager
def breaking() -> Generator[None]:
    """Turns what SQLite says of a damaged file into Broken."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _BROKEN or str(error).startswith("no such "):
            raise Broken from None
        raise


@contextlib.contextmanager
def writing_to(connection: sqlite3.Connection) -> Generator[None]:
    """One change, whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, file: Path) -> None:
    [owner] = connection.execute("PRAGMA application_id").fetchone()
    [version] = connection.execute("PRAGMA user_version").fetchone()
    [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and owner != OURS:
        raise OutputError(f"{file} is another program's database: name another folder in xscan.toml, [nights] state")
    if version > len(MIGRATIONS):
        raise OutputError(f"{file} was written by a later version of xscan: update xscan")


def _bring_up(connection: sqlite3.Connection) -> None:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version == len(MIGRATIONS):
        return
    with writing_to(connection):
        [version] = connection.execute("PRAGMA user_version").fetchone()  # another process may have been first
        connection.execute(f"PRAGMA application_id = {OURS}")
        for step in MIGRATIONS[version:]:
            for statement in step.split(";"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
