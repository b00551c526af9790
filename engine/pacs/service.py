"""`xscan listen`: films come in one process, and are scored from this one as studies settle.

receiver (a process) -> store, journal -> settled studies -> `run_batch` over the store -> the list

Every scoring is a batch over the whole store, which keeps the rows that hold: the list is always the one that
`xscan batch STORE` makes of it. Films are received while the scoring runs, and whatever becomes of it.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..batch.launch import CONTEXT
from ..batch.run import run_batch
from ..batch.settings import BatchSettings, Summary
from ..errors import EngineError, OutputError, StorageError, UsageError, WorkersLost, XscanError
from ..machine.priority import step_back
from .journal import Journal, Settled
from .notes import alone
from .receiver import receive
from .settings import ListenSettings
from .store import Pruned, journal_of, make_folder

log = logging.getLogger("xscan")

START_S = 60.0  #: that the receiver may take to listen
END_S = 8.0  #: ... and to end
TICK_S = 0.25
AGAIN_S = 60.0  #: after a scoring that could not be
_ERRORS = {kind.__name__: kind for kind in (UsageError, OutputError, EngineError, StorageError)}

#: Is given the studies that have new scores.
Scored = Callable[[list[Settled]], None]


@dataclass
class Tally:
    """What a listener did, from its start to its end."""

    studies: int = 0  #: that got scores; again for late films
    superseded: int = 0  #: of these
    journal: dict[str, int] = field(default_factory=dict)  #: Journal.counts at the end


def serve(
    settings: ListenSettings,
    batch: BatchSettings,
    stop: threading.Event,
    *,
    listening: Callable[[int], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    scored: Scored = lambda _: None,
    told: Callable[[list[Settled], Summary], None] = lambda *_: None,
    tick: Callable[[], None] = lambda: None,
) -> Tally:
    """Receive and score until `stop` is set.

    listening: is given the port, once films can come. tell: a line about what a person should know. scored: what is to
    be done with each study's new scores; told: as `scored`, for a person. tick: called while nothing is scored.
    Raises UsageError, OutputError, EngineError, StorageError for what is wrong at the start; later on a scoring that
    cannot be is told of, and tried again.
    """
    for folder in (settings.store, settings.state):
        make_folder(folder)
    busy = f"another xscan listens with {settings.state}: end it, or give another --state"
    with (
        alone(settings.state / "listen.lock", busy),
        _Receiver(settings, tell) as receiver,
        journal_of(settings.state) as journal,
    ):
        step_back()
        service = _Service(batch, journal, Pruned(settings.state), receiver, stop, tell, scored, told)
        if port := receiver.wait_listening(stop):
            listening(port)
            service.score(first=True)
        while not stop.is_set():
            receiver.hear(TICK_S)
            tick()
            if (receiver.settled or service.pruned.stands()) and time.monotonic() >= service.not_before:
                receiver.settled = False
                service.score()
        receiver.end()
        service.tally.journal = receiver.counts or journal.counts()
    return service.tally


class _Service:
    def __init__(
        self,
        batch: BatchSettings,
        journal: Journal,
        pruned: Pruned,
        receiver: "_Receiver",
        stop: threading.Event,
        tell: Callable[[str], None],
        scored: Scored,
        told: Callable[[list[Settled], Summary], None],
    ) -> None:
        self.tally = Tally()
        self.not_before = 0.0  #: no scoring earlier, after one that could not be
        self.pruned = pruned
        self._batch = batch
        self._journal = journal
        self._receiver = receiver
        self._stop = stop
        self._tell = tell
        self._scored = scored
        self._told = told

    def score(self, first: bool = False) -> None:
        """Score what is settled, and drop what was pruned. first: also where nothing is, and a wrong setting ends the
        command."""
        try:
            settled, pruned = self._journal.unscored(), self.pruned.stands()
            if not (settled or pruned or first):
                return
            batch = replace(self._batch, allow_shrink=True) if pruned else self._batch
            summary = run_batch(batch, self._stop, lambda _: self._receiver.hear(0), self._tell)
            if summary.interrupted:
                return
            self._scored(settled)
            self._journal.scored(settled)
            self.pruned.done(pruned)
        except (UsageError, EngineError, StorageError, WorkersLost) as error:  # OutputError is a UsageError
            if first and not isinstance(error, StorageError):  # a disk that is full now has room again later
                raise
            self._tell(f"scoring failed, and is tried again in a minute; films are received all the same: {error}")
            self.not_before, self._receiver.settled = time.monotonic() + AGAIN_S, True
            return
        self.tally.studies += len(settled)
        self.tally.superseded += sum(one.late for one in settled)
        for one in settled:
            log.info("study %d: scored%s", one.study, ", in place of earlier results" if one.late else "")
        self._told(settled, summary)


class _Receiver:
    """The receiver's process, from here. Use as a context manager."""

    def __init__(self, settings: ListenSettings, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._tell = tell
        self.port = 0
        self.settled = False
        self.counts: dict[str, int] = {}

    def __enter__(self) -> "_Receiver":
        here, there = CONTEXT.Pipe()
        self._connection: Any = here
        self._process = CONTEXT.Process(target=receive, args=(there, self._settings), daemon=True)
        self._process.start()
        there.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()  # it ends by that, also where this process is killed
        self._process.join(END_S)
        if self._process.is_alive():
            self._process.kill()

    def wait_listening(self, stop: threading.Event) -> int:
        """The port, once it listens. Raises what kept it from that."""
        deadline = time.monotonic() + START_S
        while not self.port and not stop.is_set():
            if time.monotonic() > deadline:
                raise XscanError("the receiver does not start: this machine is too busy, or its memory is full")
            self.hear(TICK_S)
        return self.port

    def hear(self, seconds: float) -> None:
        """Take what it says within so many seconds. Raises the error that it ended with."""
        while self._connection.poll(seconds):
            try:
                kind, value = json.loads(self._connection.recv_bytes())
            except (EOFError, OSError):
                raise XscanError("the receiver ended: see why with XSCAN_TRACEBACK=1, and start again") from None
            self._take(kind, value)
            seconds = 0

    def end(self) -> None:
        """Ask it to end, and take its last words."""
        try:
            self._connection.send_bytes(b"end")
            deadline = time.monotonic() + END_S
            while not self.counts and time.monotonic() < deadline:
                self.hear(TICK_S)
        except (XscanError, OSError):
            pass  # it has ended

    def _take(self, kind: str, value: Any) -> None:
        if kind == "listening":
            self.port = value
        elif kind == "settled":
            self.settled = True
        elif kind == "counts":
            self.counts = value
        elif kind == "error":
            raise _ERRORS.get(value[0], XscanError)(value[1])
        else:
            self._tell(value)
            log.info("%s", value)
