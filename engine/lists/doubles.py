"""Rules that hang on more than one file: doubles of a film, and raw data beside its processed film.

What has been seen is kept in a temporary SQLite database, which goes to disk when it grows: memory does
not depend on the number of films.
"""

import sqlite3
from dataclasses import replace
from types import TracebackType

from ..find.spill import spilling
from ..triage.bands import placed
from .table import Row

_SCORED = ("ok", "review")
#: Doubts of the header that go before `for-processing`: such a film may be raw data itself.
_UNTOLD = ("view", "description")
_CLEARED = {
    "priority": "",
    "finding": "",
    "p_normal": "",
    "p_bacteria": "",
    "p_virus": "",
    "p_pneumonia": "",
    "model": "",
}


class Doubles:
    """Sees every row in discovery's order. Use as a context manager."""

    def __enter__(self) -> "Doubles":
        self._seen = sqlite3.connect("")  # no name: private, temporary, on disk when larger than its cache
        self._seen.execute("CREATE TABLE film (uid TEXT, scores TEXT, PRIMARY KEY (uid, scores)) WITHOUT ROWID")
        self._seen.execute("CREATE TABLE series (uid TEXT PRIMARY KEY, raw INTEGER, shown INTEGER) WITHOUT ROWID")
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._seen.close()

    def see(self, row: Row) -> Row:
        """The row, or what a film with its SOPInstanceUID makes of it.

        The same scores, too: the same picture, `skipped: duplicate`. Other scores: two pictures claim to be
        one, which a person must see, so the second is for review. Raises StorageError.
        """
        if row.status not in _SCORED or not row.sop_uid:
            return row
        with spilling(sqlite3.Error):
            return self._see(row)

    def _see(self, row: Row) -> Row:
        scores = f"{row.p_normal} {row.p_bacteria} {row.p_virus}"
        uid_seen = self._seen.execute("SELECT 1 FROM film WHERE uid = ? LIMIT 1", (row.sop_uid,)).fetchone()
        added = self._seen.execute("INSERT OR IGNORE INTO film VALUES (?, ?)", (row.sop_uid, scores)).rowcount
        if not added:
            return replace(row, status="skipped", reason="duplicate: the same film as an earlier file", **_CLEARED)
        if uid_seen and row.status == "ok":
            priority = placed(row.priority, doubtful=True).value
            reason = "uid-conflict: another picture has the same SOPInstanceUID"
            row = replace(row, status="review", priority=priority, reason=reason)
        if row.series_uid:
            raw = row.code == "for-processing"
            shown = not raw and row.code not in _UNTOLD
            self._seen.execute(
                "INSERT INTO series VALUES (?, ?, ?) ON CONFLICT (uid) "
                "DO UPDATE SET raw = raw | excluded.raw, shown = shown | excluded.shown",
                (row.series_uid, raw, shown),
            )
        return row

    @property
    def has_doubles(self) -> bool:
        """Is there a series with raw data and a film for presentation?"""
        return self._seen.execute("SELECT 1 FROM series WHERE raw AND shown LIMIT 1").fetchone() is not None

    def resolve(self, row: Row) -> Row:
        """The final row, once all have been seen: raw data gives way to the film for presentation."""
        if row.code != "for-processing":
            return row
        query = "SELECT 1 FROM series WHERE uid = ? AND raw AND shown"
        if self._seen.execute(query, (row.series_uid,)).fetchone() is None:
            return row
        reason = "presentation-double: raw data; the film for presentation of the same series is scored"
        return replace(row, status="skipped", reason=reason, **_CLEARED)
