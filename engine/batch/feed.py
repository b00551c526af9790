"""Which files to score and which rows to keep: discovery and the rows of earlier runs, turned into jobs in order."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import StorageError
from ..find.discover import discover
from ..find.found import Found, order_key
from ..lists.earlier import EarlierRow
from ..lists.output import Output
from ..lists.own_files import own_files
from ..lists.table import Row, utc
from ..nights import dated
from .lost_input import LostInput
from .messages import Job
from .settings import BatchSettings

AHEAD = 2_000  #: files that discovery may be ahead of the workers
KEPT_A_JOB = 512  #: rows of earlier runs that ride along in one job

#: Codes of rows that a later run tries again although the file has not changed: they hang on other files.
_UNSURE = ("duplicate", "presentation-double", "uid-conflict")

#: Codes of files that cost a run its time or its workers. A share that stood still may have been the reason, so a later
#: run tries them once more; its row says so, and while the file is unchanged no other run tries again.
COSTLY = ("timed-out", "decoder-crash")
TWICE = ", in two runs"


class Feed:
    """Turns discovery and the rows of earlier runs into jobs, in order."""

    def __init__(self, settings: BatchSettings, output: Output, stop: threading.Event) -> None:
        self.entries: dict[int, list[EarlierRow | Found]] = {}  #: job number -> its rows and files, in order
        self.kept = 0
        self.dropped = 0
        self._tried: set[str] = set()  # files that an earlier run's row calls costly
        self.finished = False  #: every file is in a job
        self._settings = settings
        self._stop = stop
        self.input = LostInput(settings.folder, output.mounts)
        self._earlier = output.earlier(outdated=True)
        self._candidate = next(self._earlier, None)
        self._numbers = iter(range(1 << 62))
        self._open: list[EarlierRow | Found] = []
        self._waiting = 0  # files of the open job that need scoring
        self._found: queue.Queue[Found | BaseException | None] = queue.Queue(AHEAD)
        self._last = time.monotonic()
        walk = discover(
            settings.folder,
            (*output.own_files, *_of_other_runs(settings)),
            settings.follow_links,
            self.input.mounted,
            settings.only,
            alive=self._went_on,
            settled=_of_other_nights(settings),
        )
        threading.Thread(target=self._discover, args=(walk,), name="discovery", daemon=True).start()

    def next_job(self) -> Job | None:
        """The next full job, the last one when discovery is done, or None when none is ready."""
        while not self._stop.is_set() and not self.finished:
            try:
                found = self._found.get_nowait()
            except queue.Empty:
                return None
            if isinstance(found, BaseException):
                raise found
            if found is None:
                self._skip_to(None)
                self.input.require_there(self._settings.allow_shrink)
                self.finished = True
                return self._close() if self._open else None
            self._add(found)
            if self._waiting == self._settings.batch_size or len(self._open) == KEPT_A_JOB:
                return self._close()
        return None

    def told(self, row: Row) -> Row:
        """A new row as it stands in the list: of a costly file that an earlier run had tried, it says so."""
        if row.code not in COSTLY or row.file not in self._tried:
            return row
        return replace(row, reason=row.reason + TWICE)

    def is_away(self, entry: EarlierRow | Found) -> bool:
        """Whether the disk or share that a file was found on has gone since."""
        return isinstance(entry, Found) and self.input.is_away(entry.path)

    def at_end(self) -> bool:
        """No more jobs will come. Raises StorageError when the folder does not answer."""
        if self.finished or self._stop.is_set():
            return True
        # Films that wait to be read do not tell on the folder, however long the one in hand takes.
        if self._found.empty() and time.monotonic() - self._last > self._settings.file_seconds:
            raise StorageError("the scanned folder does not answer: check the share, then run the same command again")
        return False

    def _add(self, found: Found) -> None:
        self.input.found(found)
        if not self._settings.shard.has(found.file):
            return
        self._skip_to(order_key(found.file))
        earlier = self._candidate
        if earlier is not None and earlier.row.file == found.file:
            self.input.there()
            self._candidate = next(self._earlier, None)
            if _still_holds(earlier, found):
                self.kept += 1
                self._open.append(earlier)
                return
            if earlier.usable and earlier.row.code in COSTLY and _is_same(earlier, found):
                self._tried.add(found.file)
        self._open.append(found)
        self._waiting += 1

    def _skip_to(self, key: tuple[str, ...] | None) -> None:
        """Pass over earlier rows whose file is no more in the folder."""
        while self._candidate is not None and (key is None or order_key(self._candidate.row.file) < key):
            self.dropped += 1
            self.input.gone(self._candidate.row.file)
            self._candidate = next(self._earlier, None)

    def _close(self) -> Job:
        number = next(self._numbers)
        self.entries[number] = self._open
        job = Job(number, [e for e in self._open if isinstance(e, Found)])
        self._open, self._waiting = [], 0
        return job

    def _went_on(self) -> None:
        self._last = time.monotonic()

    def _discover(self, walk: Iterator[Found]) -> None:
        try:
            for found in walk:
                if found.problem is not None or self._settings.shard.has(found.file):
                    self._found.put(found)
                self._went_on()
            self._found.put(None)
        except BaseException as error:  # raised again in the main thread
            self._found.put(error)


def _of_other_runs(settings: BatchSettings) -> Iterator[Path]:
    """What else is xscan's, should it stand in the scanned folder, and may be written meanwhile: the history, the list
    that this run is a shadow of."""
    if settings.state is not None:
        yield settings.state
    if settings.main is not None:
        yield from own_files(settings.main)


def _of_other_nights(settings: BatchSettings) -> tuple[Path, ...]:
    if settings.nightly is None:
        return ()
    return own_files(*(dated.on(settings.nightly, day) for day in dated.nights(settings.nightly)))


def _is_same(earlier: EarlierRow, found: Found) -> bool:
    return (earlier.row.bytes, earlier.row.modified) == (str(found.bytes), utc(found.modified_ns))


def _still_holds(earlier: EarlierRow, found: Found) -> bool:
    row = earlier.row
    if not earlier.usable or not _is_same(earlier, found) or row.code in _UNSURE:
        return False
    if row.code in COSTLY and row.reason.endswith(TWICE):
        return True
    if row.code == "lateral" and not row.study_uid:  # of a list made before it was asked which study it is of
        return False
    # A finished list's failures are tried again; an interrupted run's are part of the run that goes on.
    return row.status != "failed" or not earlier.finished
