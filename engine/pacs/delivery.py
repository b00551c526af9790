"""Results go out as studies settle: to each PACS from a process of its own.

An object is made from its film again, and a film may be one that a decoder dies of: neither that nor a PACS that does
not answer stops the receiving, the scoring, or another PACS.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..batch.launch import CONTEXT
from ..batch.signals import leave_ending_to_parent
from ..errors import XscanError
from ..lists.run_report import manifest_of
from ..lists.table import Row, rows_in
from .destinations import Destination
from .journal import Settled
from .outbox import Outbox, enqueue
from .send import deliver

log = logging.getLogger("xscan")

LOOK_S = 2.0  #: between two looks at the outbox
AGAIN_S = 60.0  #: after a process that ended by itself
END_S = 8.0  #: that one may take to finish the object in hand


class Delivery:
    """Sends results of the list `csv`, whose films are in `folder`, by way of an outbox in `state`.

    Use as a context manager. engine: the network that scored the films, for contours. audit: folder of the audit log.
    tell: is given a line.
    """

    def __init__(
        self,
        state: Path,
        folder: Path,
        csv: Path,
        destinations: Iterable[Destination],
        engine: Path,
        audit: Path,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._state = state
        self._folder = folder
        self._csv = csv
        self._destinations = {one.name: one for one in destinations}
        self._engine = engine
        self._audit = audit
        self._tell = tell
        self._running: dict[str, tuple[Any, Any]] = {}  # name -> process, connection
        self._not_before: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self._looked = 0.0

    def __enter__(self) -> "Delivery":
        return self

    def __exit__(self, *_: object) -> None:
        for _, connection in self._running.values():
            connection.close()  # each finishes the object in hand
        deadline = time.monotonic() + END_S
        for process, _ in self._running.values():
            process.join(max(0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()

    def put(self, settled: list[Settled]) -> None:
        """The results of these studies into the outbox, for every destination. Raises UsageError, StorageError."""
        if not self._destinations or not settled:
            return
        folders = {one.folder for one in settled}
        rows: list[Row] = [row for row in rows_in(self._csv) if row.file.rpartition("/")[0] in folders]
        manifest = manifest_of(self._csv)
        points = (manifest.rule_out.threshold, manifest.rule_in.threshold) if manifest else None
        for destination in self._destinations.values():
            put = enqueue(self._state, self._folder, rows, destination, points)
            log.info("%s: %d new objects wait", destination.name, put.new)

    def look(self) -> None:
        """Start what is due, and take what has ended; returns at once."""
        now = time.monotonic()
        if not self._destinations or now - self._looked < LOOK_S:
            return
        self._looked = now
        for name, (process, connection) in list(self._running.items()):
            if connection.poll() or not process.is_alive():
                self._take(name, connection)
                process.join(1)
                connection.close()
                del self._running[name]
        try:
            with Outbox(self._state) as outbox:
                due = {name: outbox.next_due(name) for name in self._destinations.keys() - self._running.keys()}
        except XscanError as error:  # films are received all the same
            self._tell(f"the outbox cannot be looked at: {error}")
            self._looked = now + AGAIN_S
            return
        for name, at in due.items():
            if at is not None and at <= time.time() and now >= self._not_before.get(name, 0):
                self._start(name)

    def _start(self, name: str) -> None:
        here, there = CONTEXT.Pipe()
        process = CONTEXT.Process(
            target=_run, args=(there, self._state, self._destinations[name], self._engine, self._audit), daemon=True
        )
        process.start()
        there.close()
        self._running[name] = process, here

    def _take(self, name: str, connection: Any) -> None:
        try:
            sent, failed, problem = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            sent, failed, problem = 0, 0, "sending ended by itself, and is tried again"
        if problem:
            self._not_before[name] = time.monotonic() + AGAIN_S
        if problem and problem != self._problems.get(name):  # a PACS that is down all night is told of once
            self._tell(f"{name}: {problem}: results wait in the outbox")
        elif not problem and self._problems.get(name):
            self._tell(f"{name} takes results again")
        self._problems[name] = problem
        if failed:
            self._tell(f"{name}: {failed} objects were refused for good")
        log.info("%s: %d objects sent, %d failed", name, sent, failed)


def _run(connection: Connection, state: Path, destination: Destination, engine: Path, audit: Path) -> None:
    """Main function of a sending process."""
    leave_ending_to_parent(terminate=True)
    stop = threading.Event()

    def watch() -> None:
        try:
            connection.recv_bytes()
        except (EOFError, OSError):
            pass  # the parent is gone, or wants no more
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    try:
        done = deliver(state, destination, engine=engine, audit=audit, stop=stop)
        said = [done.sent, done.failed, done.problem]
    except XscanError as error:
        said = [0, 0, str(error)]
    try:
        connection.send_bytes(json.dumps(said).encode())
    except OSError:
        pass  # the outbox has it
