"""`xscan pacs test`: what works between us and a PACS, a line each, with what mends it. Nothing is stored there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..errors import PeerError, UsageError
from .destinations import Destination, Kind, Way, is_plain
from .dimse import EXPLICIT, IMPLICIT, association, reach
from .find import STUDY_ROOT_FIND, Query
from .hush import hushed
from .retrieve import CLASSES, STUDY_ROOT_GET, STUDY_ROOT_MOVE, TRANSFER_SYNTAXES, dimse_peer
from .send import SOP_CLASSES

if TYPE_CHECKING:
    from pynetdicom.association import Association

VERIFICATION = "1.2.840.10008.1.1"
_NAMES = {Kind.SR: "structured reports", Kind.SC: "secondary captures", Kind.KO: "key objects"}


@dataclass(frozen=True)
class Check:
    name: str
    well: bool
    text: str  #: what was found, or what to mend


def checks(destination: Destination) -> Iterator[Check]:
    """One after the other, as they are done; the rest is left out where nothing answers. Raises UsageError."""
    if is_plain(destination):
        text = "patient data goes there unencrypted: set tls, or an https: url, unless the network is yours alone"
        yield Check("encryption", True, text)
    with hushed():
        if destination.dimse:
            yield from _dimse(destination)
        if destination.url:
            yield from _web(destination)


def _dimse(destination: Destination) -> Iterator[Check]:
    where = f"{destination.host}:{destination.port}"
    if why := reach(destination):
        yield Check("reach", False, why)
        return
    yield Check("reach", True, f"{where} answers{', TLS' if destination.tls else ''}")
    try:
        with association(destination, [(VERIFICATION, (EXPLICIT, IMPLICIT))]) as opened:
            status = opened.send_c_echo().get("Status")
            yield Check("C-ECHO", status == 0, _as(destination) if status == 0 else "it does not answer C-ECHO")
    except PeerError as error:
        yield Check("C-ECHO", False, str(error))
        return
    yield from _storage(destination)
    yield from _queries(destination)


def _as(destination: Destination) -> str:
    return f"{destination.ae_title} answers {destination.calling}"


def _storage(destination: Destination) -> Iterator[Check]:
    if destination.send_by_web:
        return
    for kind in destination.send:
        try:
            with association(destination, [(SOP_CLASSES[kind], (EXPLICIT, IMPLICIT))]) as opened:
                taken = bool(opened.accepted_contexts)
        except PeerError:
            taken = False
        text = f"it takes {_NAMES[kind]}"
        if not taken:
            text = f"it takes no {_NAMES[kind]} from us: allow storage there, or take {kind} out of send"
        yield Check(f"C-STORE {kind}", taken, text)


def _queries(destination: Destination) -> Iterator[Check]:
    if destination.retrieve is Way.WEB:
        return
    way = STUDY_ROOT_MOVE if destination.retrieve is Way.MOVE else STUDY_ROOT_GET
    name = f"C-{destination.retrieve.upper()}"
    contexts = [(STUDY_ROOT_FIND, (EXPLICIT, IMPLICIT)), (way, (EXPLICIT, IMPLICIT))]
    provided = CLASSES if destination.retrieve is Way.GET else ()
    contexts += [(sop_class, (syntax,)) for sop_class in provided for syntax in TRANSFER_SYNTAXES]
    try:
        with association(destination, contexts, provides=provided) as opened:
            accepted = {str(context.abstract_syntax) for context in opened.accepted_contexts}
            films = _films(opened) if provided else ""
    except PeerError as error:
        yield Check("C-FIND", False, str(error))
        return
    yield from _found(destination, accepted)
    other = "move" if destination.retrieve is Way.GET else "get"
    if way not in accepted:
        yield Check(name, False, f"it gives no films this way: allow it there, or set retrieve to {other}")
    elif provided and not films:
        yield Check(name, False, f"it will not send films on our association: set retrieve to {other}")
    elif destination.retrieve is Way.MOVE:
        try:
            with dimse_peer(destination, move=True):
                text = (
                    f"it will send to {destination.move_to}: is that this machine, port {destination.move_port}, there?"
                )
                yield Check(name, True, text)
        except UsageError as error:
            yield Check(name, False, str(error))
    else:
        yield Check(name, True, f"it sends films on our association: {films}")


def _films(opened: "Association") -> str:
    """How many classes and transfer syntaxes of films the PACS would send."""
    roles = [context for context in opened.accepted_contexts if context.as_scp]
    classes = {str(context.abstract_syntax) for context in roles}
    syntaxes = {str(context.transfer_syntax[0]) for context in roles}
    return f"{len(classes)} classes, {len(syntaxes)} transfer syntaxes" if roles else ""


def _found(destination: Destination, accepted: set[str]) -> Iterator[Check]:
    if STUDY_ROOT_FIND not in accepted:
        yield Check("C-FIND", False, f"it answers no queries from {destination.calling}: allow them there")
        return
    try:
        with dimse_peer(destination, move=False) as peer:
            number = sum(1 for _ in peer.studies(_today()))
        yield Check("C-FIND", True, f"{number} studies with CR or DX today")
    except PeerError as error:
        yield Check("C-FIND", False, str(error))


def _web(destination: Destination) -> Iterator[Check]:
    from .web import WebPeer

    try:
        with WebPeer(destination) as peer:
            number = sum(1 for _ in peer.studies(_today()))
        yield Check("QIDO-RS", True, f"{number} studies with CR or DX today")
    except PeerError as error:
        yield Check("QIDO-RS", False, str(error))
        return
    if destination.send_by_web:
        yield Check("STOW-RS", True, "not tried: a test stores nothing")


def _today() -> Query:
    today = datetime.now().astimezone().date()
    return Query(("CR", "DX"), today, today)
