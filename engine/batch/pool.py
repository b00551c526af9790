"""Worker processes under supervision: results come in order, and a dead or stuck worker costs one file.

concurrent.futures gives up all work when one process dies; here the file that the worker was at is tried
once more alone, then becomes a `failed` row, and the worker is replaced.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from ..errors import EngineError, UnreadableRadiograph, WorkersLost, XscanError
from ..lists.table import Row
from . import launch
from .answers import Lie, hear
from .launch import AT_ONCE, CONTEXT, run_worker
from .messages import IDLE, SCORING, Done, Job, Ready, WorkerSettings, blank_row

log = logging.getLogger("xscan")

JOBS_A_WORKER = 2  #: one in work, one waiting, so that no worker idles while its result is written
WINDOW_A_WORKER = 8  #: finished jobs that may wait for an earlier, slower one
START_S = 60.0  #: that a worker may take to start, on a machine that is busy or cold
TICK_S = 0.25
SOON_S = 0.02
PATIENT = 3  #: files that may take the whole limit; every further one halves it
SHORTEST_S = 10.0  #: that the limit for one file is never shortened below, ...
USUAL = 5  #: ... nor below so many times the longest that a file of this run took
DEATHS = 5  #: of workers at no file, in a row, before the run is given up


@dataclass
class _Worker:
    process: Any
    connection: Any
    progress: Any
    jobs: deque[Job] = field(default_factory=deque)
    ready: bool = False
    seen: tuple[int, int] = (-1, IDLE)
    since: float = field(default_factory=time.monotonic)
    job_since: float = 0.0  #: when it began with the first of its jobs


class Pool:
    """Runs jobs in `workers` processes. Use as a context manager; workers end with it, or with the parent.

    file_seconds: a worker that stays longer at one file is ended, and the file gets a `failed: timed-out` row.
    main: what a worker process runs. door: gives each worker its way to a network in this process.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        workers: int,
        file_seconds: float,
        main: Callable[[Connection, Any, WorkerSettings], None] = run_worker,
        door: Callable[[], Any] | None = None,
    ) -> None:
        self._door = door
        self._main = main
        self._settings = settings
        self._file_seconds = file_seconds
        self._wanted = workers
        self._workers: list[_Worker] = []
        self._again: deque[Job] = deque()  # jobs of dead workers, before new ones
        self._last: deque[Job] = deque()  # files that killed a worker, alone: after others that may be done meanwhile
        self._timeouts = 0
        self._longest = 0.0  # seconds that a file took which was not ended
        self._suspects: set[str] = set()  # files that killed a worker once
        self._rows: dict[int, dict[int, Row]] = {}  # job number -> rows so far, by id() of the Found
        self._whole: dict[int, Job] = {}  # job number -> the job as it was given
        self._unlucky: set[int] = set()  # jobs that a worker died with, at no file
        self._any_done = False
        self._deaths = 0  # in a row, of workers that were at no file
        self.ready: Ready | None = None  #: what the workers run the network on
        self.seconds: dict[str, float] = {}  #: by stage, summed over workers

    def __enter__(self) -> "Pool":
        for _ in range(min(self._wanted, AT_ONCE)):
            self._start()
        launch.end()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()  # the worker's next receive or send ends it
        deadline = time.monotonic() + 2
        for worker in self._workers:
            worker.process.join(max(0, deadline - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()

    def wait_ready(self) -> Ready:
        """Wait until the first worker has opened the engine. Raises EngineError when it cannot."""
        while self.ready is None:
            self._collect(TICK_S)
            if not self._workers:
                self._start()
        return self.ready

    def run(
        self,
        next_job: Callable[[], Job | None],
        idle: Callable[[], bool],
        each_turn: Callable[[], None] = lambda: None,
    ) -> Iterator[Done]:
        """Yield results in the order of job numbers, which count up from 0.

        next_job: the next job, or None when none is ready now. idle: True when there will be no more.
        each_turn: called several times a second, also while every worker is busy; what it raises ends the run.
        Raises EngineError when no worker can open the engine.
        """
        finished: dict[int, Done] = {}
        awaited = 0
        given = 0
        while True:
            each_turn()
            room = self._has_room()
            while room:
                job = None
                if self._again:
                    job = self._again.popleft()
                elif given - awaited < self._wanted * WINDOW_A_WORKER and (job := next_job()):
                    self._whole[job.number] = job
                    given += 1
                elif self._last:
                    job = self._last.popleft()
                if job is None:
                    break
                self._send(job)
                room = self._has_room()
            # A pool with room looks again soon: discovery may have found more.
            for done in self._collect(SOON_S if room else TICK_S):
                finished[done.number] = done
            while awaited in finished:
                yield finished.pop(awaited)
                awaited += 1
            if awaited == given and idle():
                return

    def _has_room(self) -> bool:
        return len(self._workers) < self._wanted or any(len(w.jobs) < JOBS_A_WORKER for w in self._workers)

    def _send(self, job: Job) -> None:
        """Give a job to the worker with the fewest, or to a new one rather than let it wait."""
        worker = min(self._workers, key=lambda w: len(w.jobs), default=None)
        if worker is None or (worker.jobs and len(self._workers) < self._wanted):
            worker = self._start()
        if not worker.jobs:
            worker.job_since = time.monotonic()
        worker.jobs.append(job)
        try:
            worker.connection.send(job)
        except OSError:
            pass  # it has died; _collect sees that and gives the job to another

    def _start(self) -> _Worker:
        if self._main is run_worker and self._door is None and (waiting := launch.take()):
            try:
                waiting.connection.send(self._settings)
            except OSError:
                pass  # it has died; _collect sees that
            return self._watch(_Worker(*waiting))
        here, there = CONTEXT.Pipe()
        progress = CONTEXT.RawArray("q", [-1, IDLE])
        settings = self._settings if self._door is None else replace(self._settings, door=self._door())
        process = CONTEXT.Process(target=self._main, args=(there, progress, settings), daemon=True)
        process.start()
        there.close()
        if settings.door is not None:
            settings.door.connection.close()
        return self._watch(_Worker(process, here, progress))

    def _watch(self, worker: _Worker) -> _Worker:
        self._workers.append(worker)
        return worker

    def _collect(self, seconds: float) -> list[Done]:
        """Wait for something to happen and return the jobs that are finished by it."""
        by_handle = {w.connection: w for w in self._workers} | {w.process.sentinel: w for w in self._workers}
        if not by_handle:
            time.sleep(seconds)
        for handle in wait(list(by_handle), seconds):
            worker = by_handle[handle]
            if worker not in self._workers:  # both its handles told of its death
                continue
            if handle is worker.connection:
                try:
                    message = hear(worker.connection, worker.ready, worker.jobs[0] if worker.jobs else None)
                    if worker.ready and isinstance(message, XscanError) and self._door is None:
                        raise Lie  # there is no device that it could have lost
                except (EOFError, OSError):
                    self._give_up(worker, "decoder-crash", "its decoder ended the process, twice")
                except Lie:
                    self._disbelieve(worker)
                else:
                    self._receive(worker, message)
            elif not worker.connection.poll():  # dead, and nothing left to read from it
                self._give_up(worker, "decoder-crash", "its decoder ended the process, twice")
        now = time.monotonic()
        for worker in list(self._workers):
            at = (worker.progress[0], worker.progress[1])
            if worker.ready and worker.jobs and now - worker.job_since > self._longest_job(worker.jobs[0]):
                self._disbelieve(worker)  # it says that it goes on, and does not
            elif at != worker.seen or (worker.ready and not worker.jobs):
                if worker.seen[1] >= 0:
                    self._longest = max(self._longest, now - worker.since)
                worker.seen, worker.since = at, now
            elif now - worker.since > (self._limit() if worker.ready else max(self._file_seconds, START_S)):
                self._timeouts += worker.ready
                self._give_up(worker, "timed-out", "took longer than the limit for one file", again=False)
        return self._whole_jobs()

    def _longest_job(self, job: Job) -> float:
        """Seconds that no worker of ours stays at a job: each file its limit, and the network, and waiting for both."""
        return (len(job.files) + 2) * self._file_seconds

    def _limit(self) -> float:
        """Seconds for one file now: a folder of slow ones must not cost the night the whole limit for each."""
        halved = self._file_seconds / 2 ** max(0, self._timeouts + 1 - PATIENT)
        return min(self._file_seconds, max(halved, SHORTEST_S, USUAL * self._longest))

    def _receive(self, worker: _Worker, message: Any) -> None:
        if isinstance(message, XscanError):
            raise message
        if isinstance(message, Ready):
            if self.ready is not None and message.sha256 != self.ready.sha256:
                raise EngineError("the engine's file was replaced while it was in use: run again")
            worker.ready, self.ready = True, message
            worker.since = worker.job_since = time.monotonic()
            return
        self._deaths, self._any_done = 0, True
        job = worker.jobs.popleft()
        worker.job_since = time.monotonic()
        for stage, seconds in message.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
        rows = self._rows.setdefault(message.number, {})
        rows |= {id(found): row for found, row in zip(job.files, message.rows, strict=True)}

    def _whole_jobs(self) -> list[Done]:
        """Jobs all of whose files have a row by now."""
        done = []
        for number in [n for n, rows in self._rows.items() if len(rows) == len(self._whole[n].files)]:
            rows = self._rows.pop(number)
            job = self._whole.pop(number)
            self._unlucky.discard(number)
            done.append(Done(number, [rows[id(found)] for found in job.files], {}))
        return done

    def _give_up(self, worker: _Worker, code: str, sentence: str, again: bool = True, at_no_file: bool = False) -> None:
        """Replace a dead worker: the file it was at is tried once more alone (again), or gets a failed row."""
        self._workers.remove(worker)
        worker.process.kill()  # if it has only closed its pipe
        worker.process.join(1)
        worker.connection.close()
        number, position = worker.progress[0], worker.progress[1]
        jobs = list(worker.jobs)  # the first is the one in work: results come in order
        blamed = (
            not at_no_file
            and worker.ready
            and bool(jobs)
            and jobs[0].number == number
            and 0 <= position < len(jobs[0].files)
        )
        log.warning("a worker process ended (%s)%s", code, "" if blamed else ", at no file")
        self._deaths += not blamed
        if self._deaths > DEATHS:
            if self.ready is None:
                raise EngineError(
                    "no worker process could open the engine: it is damaged, or needs more memory than is here"
                )
            raise WorkersLost("worker processes end again and again without a file to blame: run xscan doctor")
        if blamed:
            self._blame(jobs.pop(0), position, code, sentence, again)
        elif worker.ready and jobs and (self._any_done or position != SCORING):  # else the network may be the reason
            if jobs[0].number in self._unlucky:
                self._take_apart(jobs.pop(0), code, sentence)
            else:
                self._unlucky.add(jobs[0].number)
        self._again.extend(jobs)

    def _disbelieve(self, worker: _Worker) -> None:
        """End a worker that answered what none of ours does: a film has taken it over, and any of its job may have.

        Its films are tried again, each alone, by other workers; the one that is alone already gets a failed row.
        """
        job = worker.jobs.popleft() if worker.ready and worker.jobs else None
        self._give_up(worker, "decoder-crash", "its decoder ended the process, twice", at_no_file=True)
        if job is None:
            return
        self._deaths = 0  # there are films to blame
        self._take_apart(job, "decoder-crash", "its decoder left its worker saying nonsense", again=False)

    def _take_apart(self, job: Job, code: str, sentence: str, again: bool = True) -> None:
        """A file of the job ends workers, and nobody says which: each is tried alone, and one that is alone is it."""
        if len(job.files) > 1:
            self._again.extend(Job(job.number, [found]) for found in job.files)
        else:
            self._blame(job, 0, code, sentence, again)

    def _blame(self, job: Job, position: int, code: str, sentence: str, again: bool) -> None:
        found = job.files[position]
        suspect = found.file
        if again and suspect not in self._suspects:
            self._suspects.add(suspect)
            self._last.append(Job(job.number, [found]))
        else:
            self._suspects.discard(suspect)
            problem = UnreadableRadiograph(code, sentence)
            row = blank_row(found, problem.status, problem.reason)
            self._rows.setdefault(job.number, {})[id(found)] = row
        if rest := [f for f in job.files if f is not found]:
            self._again.append(replace(job, files=rest))
