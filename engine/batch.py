"""The nightly run: a folder in, a triage list out.

discovery (a thread) -> jobs -> worker processes -> rows in discovery's order -> NAME.csv.part -> NAME.csv

Memory does not depend on the size of the folder: discovery is at most a few thousand files ahead, jobs in
flight are bounded by the pool, rows leave as soon as their turn comes.
"""

import json
import logging
import os
import platform
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from .errors import StorageError, UsageError
from .find.discover import discover
from .find.found import Found, order_key
from .find.shard import Shard
from .jobs import Job, WorkerSettings
from .lists.doubles import Settler
from .lists.formats import convert
from .lists.output import EarlierRow, Output, pictures_folder
from .lists.table import Row, utc
from .network.manifest import Manifest
from .pool import Pool
from .read.film import Limits
from .runtime.open import fingerprint
from .triage.points import Wish

log = logging.getLogger("xscan")  # rows by number: a path can hold a patient's name

DEFAULT_LIMITS = Limits()
ALL = Shard()
AHEAD = 2_000  #: files that discovery may be ahead of the workers
KEPT_A_JOB = 512  #: rows of earlier runs that ride along in one job

#: Codes that also mean, perhaps, that the whole share is gone.
_LOST = ("vanished", "unreadable", "unreadable-folder", "broken-link")
#: Codes of rows that a later run tries again although the file has not changed: they hang on other files.
_UNSURE = ("duplicate", "presentation-double", "uid-conflict")


@dataclass(frozen=True)
class BatchSettings:
    """What to scan, with what, and where to. Defaults are the command's."""

    folder: Path
    out: Path
    engine: Path
    workers: int
    batch_size: int = 8
    limits: Limits = DEFAULT_LIMITS
    file_seconds: float = 120.0
    restart: bool = False
    one_owner: bool = False  #: run the network in this process whatever the engine; GPUs need it anyway
    shard: Shard = ALL
    formats: tuple[str, ...] = ("csv",)
    points: tuple[Wish | None, Wish | None] = (None, None)  #: a site's own rule-out and rule-in
    mend: bool = False  #: set films right that surely stand wrong (xscan.engine.triage.mend)
    page: Path | None = None  #: the morning page to write
    page_lang: str = "en"
    thumbnails: bool = True  #: small pictures of the films in the page


@dataclass
class Summary:
    """What a run did. Counts are over all rows of the list, kept ones included."""

    files: int = 0
    kept: int = 0  #: rows copied from an earlier run
    dropped: int = 0  #: earlier rows whose file is gone
    status: Counter[str] = field(default_factory=Counter)
    priority: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  #: failed, skipped and review, by code
    unchanged: bool = False  #: the finished list stood already
    interrupted: bool = False
    seconds: float = 0.0
    stage_seconds: dict[str, float] = field(default_factory=dict)  #: summed over workers
    runtime: str = ""
    model: str = ""

    @property
    def scored(self) -> int:
        return self.status["ok"] + self.status["review"]

    def count(self, row: Row, by: int = 1) -> None:
        self.files += by
        self.status[row.status] += by
        if row.priority:
            self.priority[row.priority] += by
        if row.code:
            self.reasons[row.code] += by

    def as_dict(self) -> dict[str, Any]:
        counters = {k: dict(+getattr(self, k)) for k in ("status", "priority", "reasons")}
        return self.__dict__ | counters


def run_batch(
    settings: BatchSettings, stop: threading.Event, progress: Callable[[Summary], None] = lambda _: None
) -> Summary:
    """Scan a folder into a triage list, or carry on with an interrupted one.

    stop: set it to end the run after the jobs in hand. progress: called after each write.
    Raises UsageError, OutputError, EngineError and StorageError; what was written stays and is resumed.
    """
    started = time.monotonic()
    share = _identity(settings.folder)
    pictures = pictures_folder(settings.out).path if settings.page and settings.thumbnails else None
    workers = WorkerSettings(settings.engine, settings.limits, pictures, settings.points, settings.mend)
    with _doors(settings) as door, Pool(workers, settings.workers, settings.file_seconds, door=door) as pool:
        engine = fingerprint(settings.engine)
        ready = pool.wait_ready()  # an unusable engine ends the run before it touches the output
        row_settings = _row_settings(settings, engine)
        with Output(settings.out, row_settings, restart=settings.restart) as output, Settler() as settler:
            log.info("scanning with engine %s on %s, %d workers", engine[:12], ready.runtime, settings.workers)
            summary = Summary(runtime=ready.runtime, model=Manifest.from_json(ready.manifest).label)
            feed = _Feed(settings, output, stop)
            for done in pool.run(feed.next_job, feed.at_end):
                scored = iter(done.rows)
                entries = feed.entries.pop(done.number)
                rows = [settler.see(e.row if isinstance(e, EarlierRow) else next(scored)) for e in entries]
                if any(row.code in _LOST for row in rows) and _identity(settings.folder, missing=None) != share:
                    raise StorageError("the scanned folder is gone: bring it back and run the same command again")
                output.write(rows)
                for row in rows:
                    summary.count(row)
                    if row.status != "ok":
                        log.info("row %d: %s: %s", summary.files, row.status, row.code)
                summary.kept, summary.dropped = feed.kept, feed.dropped
                summary.seconds = time.monotonic() - started
                progress(summary)
            summary.seconds = time.monotonic() - started
            summary.stage_seconds = {stage: round(s, 3) for stage, s in pool.seconds.items()}
            summary.interrupted = stop.is_set() and not feed.finished
            if not summary.interrupted:
                summary.unchanged = output.finish(_settling(settler, summary))
                convert(settings.out, settings.formats)
            output.write_report(_report(settings, summary, ready.manifest))
            if settings.page and not summary.interrupted:
                _write_page(settings, settings.page, ready.manifest)
            elif not summary.interrupted:  # of an interrupted run that was to make a page
                output.pictures.remove()
            log.info("%s after %d rows", "interrupted" if summary.interrupted else "finished", summary.files)
    return summary


def _write_page(settings: BatchSettings, page: Path, manifest: str) -> None:
    """The morning page, with the pictures that the workers left; those of kept rows are made again."""
    from .report.earlier_page import pictures_of
    from .report.page import PageOptions, write_page
    from .report.reread import FilmsAgain
    from .report.thumbnails import EARLIER, Spool, Spooled
    from .runtime.engines import has_one_owner

    options = PageOptions(settings.page_lang, Manifest.from_json(manifest))
    if not settings.thumbnails:
        write_page(settings.out, page, options, None)
        return
    pictures = pictures_folder(settings.out)
    left = pictures.path
    engine = None if settings.one_owner or has_one_owner(settings.engine) else settings.engine
    Spool(left, EARLIER).put(pictures_of(page))
    with Spooled(left) as spooled:
        again = FilmsAgain(settings.folder, engine, settings.limits)
        write_page(settings.out, page, options, lambda row: spooled.get(row) or again(row))
    pictures.remove()


@contextmanager
def _doors(settings: BatchSettings) -> Iterator[Callable[[], Any] | None]:
    """What gives workers their way to a network in this process, where only one process may run it; else None."""
    from .runtime.engines import has_one_owner, open_lanes

    if not settings.one_owner and not has_one_owner(settings.engine):
        yield None
        return
    from .scoring import Scorer

    with Scorer(lambda: open_lanes(settings.engine), settings.workers, settings.batch_size) as scorer:
        yield scorer.door


class _Feed:
    """Turns discovery and the rows of earlier runs into jobs, in order."""

    def __init__(self, settings: BatchSettings, output: Output, stop: threading.Event) -> None:
        self.entries: dict[int, list[EarlierRow | Found]] = {}  #: job number -> its rows and files, in order
        self.kept = 0
        self.dropped = 0
        self.finished = False  #: every file is in a job
        self._settings = settings
        self._stop = stop
        self._earlier = output.earlier()
        self._candidate = next(self._earlier, None)
        self._numbers = iter(range(1 << 62))
        self._open: list[EarlierRow | Found] = []
        self._waiting = 0  # files of the open job that need scoring
        self._found: queue.Queue[Found | BaseException | None] = queue.Queue(AHEAD)
        self._last = time.monotonic()
        walk = discover(settings.folder, exclude=output.own_files)
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
                self.finished = True
                self.dropped += sum(1 for _ in self._skip_to(None))
                return self._close() if self._open else None
            self._add(found)
            if self._waiting == self._settings.batch_size or len(self._open) == KEPT_A_JOB:
                return self._close()
        return None

    def at_end(self) -> bool:
        """No more jobs will come. Raises StorageError when the folder does not answer."""
        if self.finished or self._stop.is_set():
            return True
        # Films that wait to be read do not tell on the folder, however long the one in hand takes.
        if self._found.empty() and time.monotonic() - self._last > self._settings.file_seconds:
            raise StorageError("the scanned folder does not answer: check the share, then run the same command again")
        return False

    def _add(self, found: Found) -> None:
        self.dropped += sum(1 for _ in self._skip_to(order_key(found.file)))
        earlier = self._candidate
        if earlier is not None and earlier.row.file == found.file:
            self._candidate = next(self._earlier, None)
            if _still_holds(earlier, found):
                self.kept += 1
                self._open.append(earlier)
                return
        self._open.append(found)
        self._waiting += 1

    def _skip_to(self, key: tuple[str, ...] | None) -> Iterator[EarlierRow]:
        """Pass over earlier rows whose file is no more in the folder."""
        while self._candidate is not None and (key is None or order_key(self._candidate.row.file) < key):
            yield self._candidate
            self._candidate = next(self._earlier, None)

    def _close(self) -> Job:
        number = next(self._numbers)
        self.entries[number] = self._open
        job = Job(number, [e for e in self._open if isinstance(e, Found)])
        self._open, self._waiting = [], 0
        return job

    def _discover(self, walk: Iterator[Found]) -> None:
        try:
            for found in walk:
                if self._settings.shard.has(found.file):
                    self._found.put(found)
                self._last = time.monotonic()
            self._found.put(None)
        except BaseException as error:  # raised again in the main thread
            self._found.put(error)


def _still_holds(earlier: EarlierRow, found: Found) -> bool:
    row = earlier.row
    if (row.bytes, row.modified) != (str(found.bytes), utc(found.modified_ns)) or row.code in _UNSURE:
        return False
    # A finished list's failures are tried again; an interrupted run's are part of the run that goes on.
    return row.status != "failed" or not earlier.finished


def _settling(settler: Settler, summary: Summary) -> Callable[[Row], Row] | None:
    if not settler.has_doubles:
        return None

    def settle(row: Row) -> Row:
        settled = settler.settle(row)
        if settled is not row:
            summary.count(row, by=-1)
            summary.count(settled)
        return settled

    return settle


def _identity(folder: Path, missing: Any = UsageError) -> tuple[int, int] | None:
    """Who the folder is: an unmounted share leaves another, empty folder in its place."""
    try:
        status = os.stat(folder)
        with os.scandir(folder):
            return status.st_dev, status.st_ino
    except OSError:
        if missing is None:
            return None
        if folder.is_file():
            raise UsageError(f"{folder} is a file: give the folder that it is in") from None
        raise UsageError(f"cannot list the folder {folder}: check that it exists and may be read") from None


def _row_settings(settings: BatchSettings, engine: str) -> dict[str, Any]:
    """All that shapes a row; rows made with other values are never mixed into one list."""
    return {
        "format": 1,
        "folder": sha256(os.path.abspath(settings.folder).encode("utf-8", "surrogateescape")).hexdigest()[:16],
        "engine": engine,
        "shard": str(settings.shard),
        "points": [str(wish or "") for wish in settings.points],
        "max_pixels": settings.limits.max_pixels,
        "max_bytes": settings.limits.max_bytes,
    } | ({"mend": True} if settings.mend else {})  # without it: lists of before there was a choice stay good


def _report(settings: BatchSettings, summary: Summary, manifest: str) -> dict[str, Any]:
    from importlib.metadata import version  # slow to import, and wanted only here

    packages = ("xscan", "numpy", "opencv-python-headless", "onnxruntime", "pydicom", "imagecodecs")
    return {
        "state": "interrupted" if summary.interrupted else "finished",
        "ended": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "summary": summary.as_dict(),
        "workers": settings.workers,
        "batch_size": settings.batch_size,
        "versions": {p: version(p) for p in packages} | {"python": platform.python_version()},
        "hardware": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        "manifest": json.loads(manifest),
    }
