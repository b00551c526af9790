"""Worker processes that load their libraries while the command line is still being read.

Reading it keeps one core busy for a third of a second, and a worker's libraries take as long: the other cores are not
left idle meanwhile. Imports nothing heavy. A pool takes these processes first, and ends those that it does not want.
"""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from ..machine.cores import usable_cores
from .messages import WorkerSettings
from .signals import leave_ending_to_parent

AT_ONCE = 2  #: workers started before there is work: a small machine's second core need not wait for the first

# Spawn on every system: what works on Windows works here, and no worker inherits a lock or an open file.
CONTEXT = multiprocessing.get_context("spawn")


class Waiting(NamedTuple):
    """A process that goes on when it is sent its WorkerSettings."""

    process: Any
    connection: Any
    progress: Any


_waiting: list[Waiting] = []


def begin() -> None:
    """Start as many as a pool starts before there is work, one a core: this process needs its share of one only until
    they are ready."""
    for _ in range(min(AT_ONCE, usable_cores())):
        here, there = CONTEXT.Pipe()
        progress = CONTEXT.RawArray("q", [-1, -1])
        process = CONTEXT.Process(target=_run, args=(there, progress), daemon=True)
        process.start()
        there.close()
        _waiting.append(Waiting(process, here, progress))


def take() -> Waiting | None:
    """One that waits, if there is one."""
    return _waiting.pop(0) if _waiting else None


def end() -> None:
    """End those that still wait."""
    while waiting := take():
        waiting.connection.close()


def _run(connection: Connection, progress: Any) -> None:
    leave_ending_to_parent()  # as in `work`, which is not loaded yet
    load_work()

    try:
        settings = connection.recv()
    except (EOFError, OSError):  # not wanted, or the parent is gone
        os._exit(0)
    run_worker(connection, progress, settings)


def load_work() -> Callable[[Connection, Any, WorkerSettings], None]:
    """A worker's work, with cv2 and NumPy: imported in its process, not in the main one."""
    # NumPy's threads would spin at first, on the core that another worker starts on; no worker multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .worker import work

    return work


def run_worker(connection: Connection, progress: Any, settings: WorkerSettings) -> None:
    """Main function of a worker process."""
    load_work()(connection, progress, settings)
    os._exit(0)  # nothing is left to flush, and taking libraries down in good order takes a quarter of a second
