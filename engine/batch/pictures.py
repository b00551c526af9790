"""Pictures for the page of films whose rows stand already: read again by the pool's workers, as a night's films are.

A film that crashes its decoder, takes too long, has changed or is gone has no picture; it ends neither page nor night.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..disk.own_folder import OwnFolder
from ..disk.replace import failure
from ..errors import XscanError
from ..find.discover import discover
from ..find.found import Found, order_key
from ..lists.table import Row, modified_ns, rows_in
from ..network.manifest import Manifest
from ..read.film import DEFAULT_LIMITS, Limits
from ..triage.points import Wish
from .doors import doors
from .messages import Job, WorkerSettings
from .pool import Pool

AHEAD = 2_000  #: films that the walk may be ahead of the workers

log = logging.getLogger("xscan")

Films = Callable[[Callable[[], None]], Iterator[Found]]


class Stopped(Exception):
    """The run was told to end."""


def draw(pool: Pool, films: Films, batch_size: int, seconds: float, stop: threading.Event) -> None:
    """Have the pool's workers leave pictures of films in its folder. Raises Stopped.

    films: called once, with what it is to call while it looks for them. seconds: that the folder may take to name a
    file. What goes wrong costs pictures, and is told in the log alone.
    """
    try:
        _draw(pool, films, batch_size, seconds, stop)
    except XscanError as error:
        log.warning("not all pictures could be made: %s", type(error).__name__)


def _draw(pool: Pool, films: Films, batch_size: int, seconds: float, stop: threading.Event) -> None:
    jobs = _Jobs(films, batch_size, seconds, stop)
    for _ in pool.run(jobs.next_job, jobs.at_end, jobs.require_going_on):
        pass


def films_again(
    folder: Path, rows: Iterator[Row], follow_links: bool, only: Sequence[str], alive: Callable[[], None]
) -> Iterator[Found]:
    """The films of rows, which come in discovery's order; none that is gone or has another size by now.

    alive: as `discover` takes it: of many files that are there, few may be wanted.
    """
    row = next(rows, None)
    if row is None:
        return
    for found in discover(folder, follow_links=follow_links, only=only, alive=alive):
        while row is not None and order_key(row.file) < order_key(found.file):
            row = next(rows, None)
        if row is None:
            return
        if row.file == found.file and row.bytes == str(found.bytes) and found.problem is None:
            yield replace(found, modified_ns=modified_ns(row.modified) or found.modified_ns)  # of a copied folder


def scored_rows(csv: Path) -> Iterator[Row]:
    """The rows of a list that have a band."""
    return (row for row in rows_in(csv) if row.priority)


@contextmanager
def drawn(
    csv: Path,
    folder: Path,
    engine: Path,
    manifest: Manifest | None,
    into: OwnFolder,
    workers: int,
    stop: threading.Event,
    *,
    limits: Limits = DEFAULT_LIMITS,
    seconds: float = 120.0,
    batch_size: int = 8,
    order: bool = False,
) -> Generator[str]:
    """Inside, `into` holds pictures of a finished list's films, found again in their folder; afterwards it is gone.

    manifest: what made the list, for its bands. Gives the label of the engine's network, whose maps they are.
    Raises OutputError, EngineError, StorageError, UsageError, Stopped.
    """
    into.require_own()
    try:  # workers do without pictures where there is no place for them; here nothing else is asked for
        into.path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise failure(into.path, error) from None
    points: tuple[Wish | None, Wish | None] = (None, None)
    if manifest is not None:
        points = Wish("threshold", manifest.rule_out.threshold), Wish("threshold", manifest.rule_in.threshold)
    mend = any(row.code == "mended" for row in scored_rows(csv))
    settings = WorkerSettings(engine, limits, into.path, points, mend, order=order)
    try:
        with doors(engine, workers, batch_size) as door, Pool(settings, workers, seconds, door=door) as pool:
            label = Manifest.from_json(pool.wait_ready().manifest).label
            _draw(pool, partial(films_again, folder, scored_rows(csv), True, ()), batch_size, seconds, stop)
        yield label
    finally:
        into.remove()


class _Jobs:
    """Films as jobs. The folder is walked by a thread of its own: a share that does not answer holds nothing up."""

    def __init__(self, films: Films, batch_size: int, seconds: float, stop: threading.Event) -> None:
        self._batch_size = batch_size
        self._seconds = seconds
        self._stop = stop
        self._found: queue.Queue[Found | None] = queue.Queue(AHEAD)
        self._open: list[Found] = []
        self._number = 0
        self._finished = False
        self._last = time.monotonic()
        threading.Thread(target=self._walk, args=(films(self._went_on),), name="pictures", daemon=True).start()

    def next_job(self) -> Job | None:
        while not self._finished:
            try:
                found = self._found.get_nowait()
            except queue.Empty:
                return None
            if found is None:
                self._finished = True
            else:
                self._open.append(found)
            if self._open and (found is None or len(self._open) == self._batch_size):
                job = Job(self._number, self._open)
                self._open, self._number = [], self._number + 1
                return job
        return None

    def require_going_on(self) -> None:
        """Raises Stopped: no picture in hand is waited for."""
        if self._stop.is_set():
            raise Stopped

    def at_end(self) -> bool:
        late = self._found.empty() and time.monotonic() - self._last > self._seconds
        return self._finished or late

    def _went_on(self) -> None:
        self._last = time.monotonic()

    def _walk(self, films: Iterator[Found]) -> None:
        try:
            for found in films:
                self._found.put(found)
                self._went_on()
        except (XscanError, OSError):  # the folder is gone: there are no more pictures to be had
            pass
        self._found.put(None)
