"""Sending what waits in the outbox: objects made from their films, stored by C-STORE or STOW-RS, each answer kept.

A PACS that does not answer costs its objects nothing but time: they wait, and no other destination waits with them.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import FileProblem, PeerError
from ..machine.install import require
from ..nights import audit_log
from .answers import Answer, answer_of
from .destinations import Destination, Kind
from .hush import hushed
from .make import Made, Maker
from .notes import alone
from .outbox import Outbox, State, Waiting
from .syntaxes import SECONDARY_CAPTURE

log = logging.getLogger("xscan")

RETRY = 120.0  #: seconds until a PACS that did not answer is asked again

#: An open way to a PACS. Raises PeerError where it has closed.
Sender = Callable[[Made], Answer]


@dataclass
class Delivered:
    """What one delivery did, and what is left."""

    sent: int = 0
    warned: int = 0  #: of the sent: stored with a warning
    failed: int = 0  #: refused for good, or too often
    kinds: dict[str, int] = field(default_factory=dict)  #: of the sent: sr, sc, ko
    networks: dict[str, int] = field(default_factory=dict)  #: of the sent: whose results they are
    irregular: dict[str, int] = field(default_factory=dict)  #: objects by what of their film breaks the standard
    waiting: int = 0  #: to be tried again
    problem: str = ""  #: why the PACS could not be reached, a sentence; '' where it could
    codes: dict[str, int] = field(default_factory=dict)  #: of what failed or waits: a status, or one of docs/pacs.md


def require_libraries(destination: Destination) -> None:
    """Raise UsageError, with the line that installs it, where the extra `pacs` is missing."""
    require("highdicom", "dicomweb_client" if destination.send_by_web else "pynetdicom")


@hushed()
def deliver(
    state: Path,
    destination: Destination,
    *,
    engine: Path | None = None,
    wait: float = 0,
    now: bool = False,
    audit: Path | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[Delivered], None] = lambda _: None,
) -> Delivered:
    """Send what waits for a destination and is due.

    engine: the network that scored the films, for contours. wait: seconds to go on trying while anything waits.
    now: also try what waits for a later time. audit: folder of the audit log that is told what was sent where.
    stop: set it to end after the object in hand.
    Raises OutputError where another process sends to this destination; UsageError; EngineError; StorageError.
    """
    require_libraries(destination)
    stop = stop or threading.Event()
    done = Delivered()
    until = time.monotonic() + wait
    busy = f"another xscan is sending to {destination.name} from {state}: let it end"
    with (
        Outbox(state) as outbox,
        alone(state / f"outbox-{destination.name}.lock", busy),
        _in_audit_log(audit, destination, done),
        Maker(destination, engine) as maker,
    ):
        if now:
            outbox.try_now(destination.name)
        while True:
            _deliver_due(outbox, destination, maker, done, stop, progress)
            due = outbox.next_due(destination.name)
            if due is None or stop.is_set():
                break
            pause = max(0.0, due - time.time())
            if time.monotonic() + pause > until:
                break
            stop.wait(pause + 0.05)
        counts = outbox.counts(destination.name)
        done.waiting = counts.get(State.WAITING, 0)
        done.codes = outbox.codes(destination.name, State.WAITING) | outbox.codes(destination.name, State.FAILED)
    return done


def _deliver_due(
    outbox: Outbox,
    destination: Destination,
    maker: Maker,
    done: Delivered,
    stop: threading.Event,
    progress: Callable[[Delivered], None],
) -> None:
    done.problem = ""
    while (items := outbox.due(destination.name)) and not stop.is_set():
        try:
            with sender(destination) as store:
                for item in items:
                    if stop.is_set():
                        return
                    _deliver_one(outbox, maker, store, item, done)
                    progress(done)
        except PeerError as error:
            done.problem = str(error)
            log.info("%s does not take results: %d wait", destination.name, len(items))
            outbox.postpone(destination.name, RETRY)
            return


def _deliver_one(outbox: Outbox, maker: Maker, store: Sender, item: Waiting, done: Delivered) -> None:
    try:
        made = maker.make(item)
    except FileProblem as problem:  # the film is gone, or is another one now
        outbox.failed(item.number, problem.code)
        done.failed += 1
        return
    answer = store(made)
    if answer.stored:
        outbox.sent(item.number, answer.code)
        done.sent += 1
        done.warned += bool(answer.code)
        done.kinds[item.kind] = done.kinds.get(item.kind, 0) + 1
        done.networks[item.row.model] = done.networks.get(item.row.model, 0) + 1
    elif answer.for_good:
        outbox.failed(item.number, answer.code)
        done.failed += 1
    else:
        done.failed += outbox.later(item, answer.code)
    if answer.stored or answer.for_good:
        for told in made.irregular:
            done.irregular[told] = done.irregular.get(told, 0) + 1
    log.info("object %d: %s", item.number, answer.code or "sent")
    if answer.code == "no-answer":
        raise PeerError("it ended the association in the middle of an object: they wait, and are tried again")


@contextlib.contextmanager
def _in_audit_log(folder: Path | None, destination: Destination, done: Delivered) -> Generator[None]:
    """At the end a line of what went where, whatever ended it; none where nothing did."""
    try:
        yield
    finally:
        if folder is not None and (done.sent or done.failed):
            told = {name: getattr(done, name) for name in ("sent", "warned", "failed", "kinds", "networks")}
            told |= {"irregular": done.irregular} if done.irregular else {}
            audit_log.append(folder, "send", {"pacs": destination.name, "to": destination.address} | told)


@contextlib.contextmanager
def sender(destination: Destination) -> Generator[Sender]:
    """Open the way that the destination's settings name. Raises PeerError."""
    if destination.send_by_web:
        from .web import stow

        yield stow(destination)
        return
    from .dimse import EXPLICIT, IMPLICIT, association

    classes = [SOP_CLASSES[kind] for kind in destination.send]
    with association(destination, [(sop_class, (EXPLICIT, IMPLICIT)) for sop_class in classes]) as opened:
        accepted = {context.abstract_syntax for context in opened.accepted_contexts}

        def store(made: Made) -> Answer:
            if made.sop_class not in accepted:
                return Answer("0122", stored=False, for_good=True)
            if not opened.is_established:
                raise PeerError(f"{destination.name}: the PACS closed the association: run again")
            status = opened.send_c_store(made.dataset())
            return answer_of(int(status.Status) if "Status" in status else None)

        yield store


#: What each kind is stored as (PS3.4 B.5).
SOP_CLASSES = {
    Kind.SR: "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR Storage
    Kind.SC: SECONDARY_CAPTURE,
    Kind.KO: "1.2.840.10008.5.1.4.1.1.88.59",  # Key Object Selection Document Storage
}
