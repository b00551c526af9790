"""NAME.studies.csv: a line a study, by the rule of `triage.study`, in the order in which the list first names it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

from ..disk.overwrite import made_here
from ..disk.replace import replacing
from ..find.spill import spilling
from ..triage.study import Study, study
from .table import Row, beside, encode_cell, rows_in

COLUMNS = (
    *("study_uid", "priority", "finding", "p_pneumonia", "film", "films", "scored", "lateral", "raw", "doubts"),
    "earlier_study",
)
_HEADER = (",".join(COLUMNS) + "\n").encode()
require_studies = made_here("list of studies", _HEADER)


def studies_path(out: Path) -> Path:
    """Where the studies of a list stand."""
    return beside(out, ".studies.csv")


def studies_of(out: Path) -> Iterator[tuple[str, Study]]:
    """StudyInstanceUID and place of every study of a list. Memory does not depend on their number.

    Raises OutputError for a damaged list, StorageError.
    """
    # private, temporary, on disk when it grows
    with spilling(sqlite3.Error), closing(sqlite3.connect("")) as films:
        films.execute("CREATE TABLE film (study, file, status, band, finding, p, reason)")
        films.executemany(
            "INSERT INTO film VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (row.study_uid, row.file, row.status, row.priority, row.finding, row.p_pneumonia, row.reason)
                for row in rows_in(out)
                if row.study_uid
            ),
        )
        films.execute("CREATE INDEX of_study ON film (study)")
        films.execute("CREATE TABLE study AS SELECT study, min(rowid) AS first FROM film GROUP BY study")
        ordered = films.execute(
            "SELECT film.* FROM study JOIN film ON film.study = study.study ORDER BY study.first, film.rowid"
        )
        for uid, rows in groupby(ordered, key=itemgetter(0)):
            yield uid, study([_row(row) for row in rows])


def write_studies(out: Path, earlier: Callable[[str], str]) -> bool:
    """Write the studies of a finished list beside it; one of an earlier run goes where there are none any more.

    earlier: StudyInstanceUID -> that of the patient's study before it, '' where none is known. Returns whether there
    are any. Raises OutputError, StorageError.
    """
    path = studies_path(out)
    found = studies_of(out)
    first = next(found, None)
    if first is None:
        require_studies(path)
        path.unlink(missing_ok=True)
        return False
    with replacing(path, require_studies, private=True) as stream:
        stream.write(_HEADER)
        for uid, place in chain([first], found):
            stream.write((",".join(map(encode_cell, _cells(uid, place, earlier))) + "\n").encode())
    return True


def _cells(uid: str, place: Study, earlier: Callable[[str], str]) -> list[str]:
    film = place.film
    decides = (film.finding, film.p_pneumonia, film.file) if film else ("", "", "")
    counts = (place.films, place.scored, place.beside.get("lateral", 0), place.beside.get("raw", 0))
    return [uid, place.band or "", *decides, *map(str, counts), " ".join(place.doubts), earlier(uid)]


def _row(cells: tuple[str, ...]) -> Row:
    _, file, status, band, finding, p, reason = cells
    return Row(file, status, band, finding, p_pneumonia=p, reason=reason)
