"""The process that receives: a listener, the store, and the clock that settles studies. It scores nothing.

It tells its parent over a pipe, in JSON: `listening` on a port, `settled` when a study waits for its scores, a line to
`tell`, or the `error` that it cannot go on with. It ends when the parent says so, or is gone.
"""

import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from ..batch.signals import leave_ending_to_parent
from ..errors import StorageError, XscanError
from . import outbox
from .hush import hushed
from .settings import ListenSettings
from .settle import Settling
from .store import Kept, Outcome, Store, journal_of

TICK_S = 0.5
EVERY_S = 60.0
PRUNE_S = 3600.0
_TOLD = {
    Outcome.CONFLICT: "another film has come under the SOPInstanceUID of an earlier one: both are kept, and scored",
    Outcome.OWN: "an object that xscan made itself came back: it is not kept, and not scored",
}


def receive(connection: Connection, settings: ListenSettings) -> None:
    """Main function of the process."""
    leave_ending_to_parent(terminate=True)
    say = _Voice(connection)
    try:
        _receive(connection, settings, say)
    except XscanError as error:
        say("error", [type(error).__name__, str(error)])
    except Exception as error:  # a traceback could hold what a film says
        say("error", ["XscanError", f"the receiver failed: {type(error).__name__}"])
        if os.environ.get("XSCAN_TRACEBACK"):
            raise
    os._exit(0)  # associations that hang are not waited for


class _Voice:
    """Speaks to the parent, from any thread. A line that is told again and again is told once a minute."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._told: dict[str, tuple[float, int]] = {}  # line -> when, and how often since

    def __call__(self, kind: str, value: Any = None) -> None:
        with self._lock:
            try:
                self._connection.send_bytes(json.dumps([kind, value]).encode())
            except OSError:
                pass  # the parent is gone, which the main loop sees

    def tell(self, line: str) -> None:
        now = time.monotonic()
        with self._lock:
            at, since = self._told.get(line, (-EVERY_S, 0))
            if now - at < EVERY_S:
                self._told[line] = at, since + 1
                return
            self._told[line] = now, 0
        self("tell", f"{line} ({since} times since it was last told)" if since else line)


class _Pruning:
    """Takes old films out of the store once an hour, where a person asked for it; what was sent of them, too."""

    def __init__(self, settings: ListenSettings, store: Store, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._store = store
        self._tell = tell
        self._next = -math.inf

    def when_due(self) -> None:
        if not self._settings.keep or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PRUNE_S
        before = time.time() - self._settings.keep
        state = self._settings.state
        try:
            sends = (state / outbox.FILE).exists()
            waiting: set[str] = set()
            if sends:
                with outbox.Outbox(state) as sent:
                    waiting = sent.waiting_films()
            self._store.prune(before, waiting)  # first: on a full disk it makes room for the rest
            if sends:
                with outbox.Outbox(state) as sent:
                    sent.prune(before)
        except (XscanError, sqlite3.Error) as error:
            self._tell(f"old films cannot be removed, and it is tried again in an hour: {error}")


@hushed()
def _receive(connection: Connection, settings: ListenSettings, say: _Voice) -> None:
    from .listener import Listener

    settling = Settling(settings.quiet, settings.longest)
    guard = threading.Lock()
    with journal_of(settings.state) as journal:
        store = Store(settings.store, settings.state, journal, floor=settings.floor, most=settings.most)
        if taken_up := store.open():
            say.tell(f"{taken_up} films of the store were not in the journal: taken up")
        pruning = _Pruning(settings, store, say.tell)
        pruning.when_due()  # before films can come, and before the list is looked at
        for study in journal.arriving():
            settling.arrived(study)

        def keep(content: bytes, association: Any) -> Kept:
            kept = store.keep(content)
            if kept.study is not None:
                with guard:
                    settling.arrived(kept.study, association)
            if kept.outcome in _TOLD:
                say.tell(_TOLD[kept.outcome])
            return kept

        with Listener(settings, keep, say.tell) as listener:
            say("listening", listener.port)
            while not connection.poll(TICK_S):  # the only word that comes is the last
                with guard:
                    for association in settling.associations:
                        if not association.is_alive():  # type: ignore[attr-defined]
                            settling.closed(association)
                    due = settling.due()
                settled = 0
                for study, why in due:
                    try:
                        settled += journal.settle(study, why)
                    except StorageError as error:  # later, then: the films wait in the store
                        say.tell(f"a study cannot be settled: {error}")
                        with guard:
                            settling.arrived(study)
                if settled:
                    say("settled")
                pruning.when_due()
        say("counts", journal.counts())
