"""What the history tells of a list's films: first seen, new tonight, a patient's earlier study."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ..errors import OutputError, StorageError
from ..lists.run_report import digest_of
from ..lists.table import Row
from . import clock
from .database import Broken, read_history
from .state import Keyed, keyed

MOST = 1_000  #: films of one patient


@dataclass(frozen=True)
class News:
    """Which films a reader has not seen in an earlier list, and what is known of their patients, by the history."""

    since: str  #: what was first seen at or after it is new tonight
    first_seen: Callable[[Row], str]  #: a stamp of `clock`; '' where it is not known
    earlier_study: Callable[[str], str]  #: StudyInstanceUID -> the patient's study before it; '' where none is known

    def is_new(self, row: Row) -> bool:
        return self.first_seen(row) >= self.since


@contextlib.contextmanager
def heard(folder: Path, csv: Path, scanned: Path | None) -> Generator[News | None]:
    """News as the run had it that made the list, known by the list's digest.

    None where the history knows no such run, or cannot be asked: the page is made all the same. scanned: the folder;
    without it only DICOM films are known again.
    """
    with contextlib.ExitStack() as stack:
        news = None
        with contextlib.suppress(Broken, sqlite3.Error, OutputError, StorageError, OSError):
            database = read_history(folder)
            if database is not None:
                stack.enter_context(contextlib.closing(database))
                news = _news(database, folder, csv, scanned)
        yield news


def _news(database: sqlite3.Connection, folder: Path, csv: Path, scanned: Path | None) -> News | None:
    query = "SELECT id, list, kind, started FROM run WHERE digest = ? AND kind <> 'shadow' ORDER BY id DESC LIMIT 1"
    run = database.execute(query, (digest_of(csv),)).fetchone()
    if run is None:
        return None
    number, name, kind, started = run
    hashes = keyed(folder)

    def seen(row: Row) -> str:
        with contextlib.suppress(sqlite3.Error):
            return first_seen(database, film_key(hashes, scanned, row) if scanned else "", row.sop_uid)
        return ""

    def earlier(study_uid: str) -> str:
        with contextlib.suppress(sqlite3.Error):
            return earlier_study(database, study_uid)
        return ""

    return News(since_of(database, name, kind, clock.moment(started), number), seen, earlier)


def first_seen(database: sqlite3.Connection, key: str, sop_uid: str) -> str:
    """When a film was first heard of. At another place, too: a DICOM film is known by its SOPInstanceUID."""
    found = database.execute("SELECT first_seen FROM film WHERE key = ?", (key,)).fetchone()
    if found is None and sop_uid:
        # As its index says, and one step of it: an anonymiser may have given one UID to all films.
        query = "SELECT first_seen FROM film WHERE sop_uid = ? AND sop_uid <> '' ORDER BY first_seen LIMIT 1"
        found = database.execute(query, (sop_uid,)).fetchone()
    return (found and found[0]) or ""


def earlier_study(database: sqlite3.Connection, study_uid: str) -> str:
    """StudyInstanceUID of the patient's study before this one; '' where none is known, and of a patient with more than
    `MOST` films: that is a name that an anonymiser gave to all."""
    found = database.execute(
        "SELECT patient, max(taken), min(first_seen) FROM film"
        " WHERE study_uid = ? AND study_uid <> '' AND patient <> '' GROUP BY patient",
        (study_uid,),
    ).fetchall()
    if len(found) != 1:  # nobody's, or several patients' in one study: the archive mixed something up
        return ""
    patient, taken, seen = found[0]
    query = "SELECT count(*) FROM (SELECT 1 FROM film WHERE patient = ? AND patient <> '' LIMIT ?)"
    if database.execute(query, (patient, MOST + 1)).fetchone()[0] > MOST:
        return ""
    before = database.execute(
        "SELECT study_uid, max(taken) AS taken, min(first_seen) AS seen FROM film"
        " WHERE patient = ? AND patient <> '' AND study_uid NOT IN ('', ?) GROUP BY study_uid"
        " HAVING (taken <> '' AND ? <> '' AND taken < ?) OR ((taken = '' OR ? = '' OR taken = ?) AND seen < ?)"
        " ORDER BY taken DESC, seen DESC LIMIT 1",
        (patient, study_uid, taken, taken, taken, taken, seen),
    ).fetchone()
    return before[0] if before else ""


def film_key(keyed: Keyed, folder: Path, row: Row) -> str:
    """What the history calls a film of a scanned folder."""
    return keyed("film", os.path.abspath(folder), row.file)


def since_of(database: sqlite3.Connection, name: str, kind: str, started: datetime, run: int = 1 << 62) -> str:
    """New tonight: first seen since noon, or since the list's runs that were cut off, whose films nobody has read.

    run: number of the run that began then; runs after it do not count.
    """
    local = started.astimezone()
    noon = local.replace(hour=12, minute=0, second=0, microsecond=0)
    noon = noon if local >= noon else noon - timedelta(days=1)
    [last] = database.execute(
        "SELECT coalesce(max(id), 0) FROM run WHERE list = ? AND kind = ? AND state = 'finished' AND id < ?",
        (name, kind, run),
    ).fetchone()
    [cut_off] = database.execute(
        "SELECT min(started) FROM run WHERE list = ? AND kind = ? AND id > ? AND id < ?", (name, kind, last, run)
    ).fetchone()
    return min(clock.stamp(noon), cut_off or clock.stamp(started))
