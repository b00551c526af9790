"""Films from a PACS by C-GET, on the association that we open, or by C-MOVE, on one that the PACS opens to us."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import OutputError, PeerError, StorageError, UsageError
from ..read.dicom.pixels import SYNTAXES
from .destinations import Destination
from .find import DimseFinder
from .syntaxes import taken
from .uids import sound_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"

_SUCCESS, _NO_ROOM, _NOT_AUTHORISED, _NOT_UNDERSTOOD = 0x0000, 0xA700, 0x0124, 0xC000
#: C-GET and C-MOVE's answers (PS3.4 C.4.2.1.5, C.4.3.1.4): what to mend.
_WHY = {
    0xA701: "the PACS cannot say how many films match",
    0xA702: "the PACS could not send the films: does it know our AE title, address and port, and reach them?",
    0xA801: "the PACS does not know where {move_to} is: enter that AE title, this machine and port {move_port} there",
    0xA900: "the PACS finds our question wrong",
    0xB000: "the PACS could not send all films",
    0xFE00: "the PACS ended it",
    0x0122: "the PACS does not give films this way: set retrieve to another one",
    0x0124: "the PACS does not let {calling} have films: allow it there",
}

#: What we take: film storage classes, each with the transfer syntaxes that xscan reads.
CLASSES = taken(secondary_capture=True)
#: An association has 128 contexts at most (PS3.8 9.3.2.2: odd numbers up to 255), and the classes share them.
TRANSFER_SYNTAXES = tuple(SYNTAXES)[: 127 // len(CLASSES)]


def receiving(keep: Callable[[bytes], bool], wanted: set[str]) -> Callable[[Any], int]:
    """A handler of C-STORE requests: a film is kept, then answered. What nobody asked for is refused."""

    def handle(event: Any) -> int:
        if sound_uid(event.request.AffectedSOPInstanceUID) not in wanted:
            return _NOT_AUTHORISED
        try:
            return _SUCCESS if keep(event.encoded_dataset()) else _NOT_UNDERSTOOD
        except (StorageError, OutputError):
            return _NO_ROOM

    return handle


def _question(level: str, study: str, series: str, instances: list[str]) -> "Dataset":
    from pydicom.dataset import Dataset

    question = Dataset()
    question.QueryRetrieveLevel = level
    question.StudyInstanceUID, question.SeriesInstanceUID = study, series
    if level == "IMAGE":
        question.SOPInstanceUID = instances
    return question


class DimsePeer(DimseFinder):
    """C-FIND, with C-GET or C-MOVE. Use as a context manager: for C-MOVE a port of ours is open meanwhile."""

    def __init__(self, destination: Destination, *, move: bool) -> None:
        super().__init__(destination)
        self._move = move
        self._server: Any = None
        self._keep: Callable[[bytes], bool] = lambda _: False
        self._wanted: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> "DimsePeer":
        if self._move:
            self._server = self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._server is not None:
            self._server.shutdown()

    def retrieve(self, study: str, series: str, instances: list[str], keep: Callable[[bytes], bool]) -> str:
        """As `Peer.retrieve`."""
        question = _question("IMAGE", study, series, instances)
        if self._move:
            with self._lock:
                self._keep, self._wanted = keep, set(instances)
            try:
                return self._by_move(question)
            finally:
                with self._lock:
                    self._keep, self._wanted = (lambda _: False), set()
        return self._by_get(question, set(instances), keep)

    def _by_get(self, question: "Dataset", wanted: set[str], keep: Callable[[bytes], bool]) -> str:
        from pynetdicom import evt

        from .dimse import EXPLICIT, IMPLICIT, association

        contexts = [(STUDY_ROOT_GET, (EXPLICIT, IMPLICIT))]
        # One context each: with several in one the PACS would choose a single syntax for all films.
        contexts += [(sop_class, (syntax,)) for sop_class in CLASSES for syntax in TRANSFER_SYNTAXES]
        handlers = [(evt.EVT_C_STORE, receiving(keep, wanted))]
        with association(self._destination, contexts, provides=CLASSES, handlers=handlers) as opened:
            if not any(context.abstract_syntax == STUDY_ROOT_GET for context in opened.accepted_contexts):
                return self._why(0x0122)
            return self._outcome(opened.send_c_get(question, STUDY_ROOT_GET))

    def _by_move(self, question: "Dataset") -> str:
        from .dimse import EXPLICIT, IMPLICIT, association

        with association(self._destination, [(STUDY_ROOT_MOVE, (EXPLICIT, IMPLICIT))]) as opened:
            if not opened.accepted_contexts:
                return self._why(0x0122)
            return self._outcome(opened.send_c_move(question, self._destination.move_to, STUDY_ROOT_MOVE))

    def _outcome(self, answers: "Iterator[tuple[Dataset, Dataset | None]]") -> str:
        code, failed = None, 0
        for status, _ in answers:
            code = getattr(status, "Status", None)
            failed = getattr(status, "NumberOfFailedSuboperations", 0) or 0
        if code is None:
            raise PeerError(f"{self._destination.name}: the PACS broke off while it sent films: run again")
        return "" if code == 0x0000 and not failed else self._why(0xB000 if code == 0x0000 else code)

    def _why(self, code: int) -> str:
        to = self._destination
        text = _WHY.get(code, f"the PACS answered {code:04X}")
        return text.format(move_to=to.move_to, move_port=to.move_port, calling=to.calling)

    def _listen(self) -> Any:
        """Our own storage provider, while films are fetched: it takes what was asked for, from this PACS alone."""
        from pynetdicom import AE, evt

        entity = AE(ae_title=self._destination.move_to)
        entity.require_called_aet = True
        entity.require_calling_aet = [self._destination.ae_title]
        entity.maximum_pdu_size = 0
        entity.network_timeout = self._destination.timeout
        for sop_class in CLASSES:
            entity.add_supported_context(sop_class, list(SYNTAXES))

        def handle(event: Any) -> int:
            with self._lock:
                keep, wanted = self._keep, self._wanted
            return receiving(keep, wanted)(event)

        context = _server_context(self._destination) if self._destination.tls else None
        address = ("", self._destination.move_port)
        try:
            return entity.start_server(
                address, block=False, ssl_context=context, evt_handlers=[(evt.EVT_C_STORE, handle)]
            )
        except OSError:
            raise UsageError(
                f"port {self._destination.move_port} is in use here: end what listens there, or set move-port"
            ) from None


def _server_context(destination: Destination) -> ssl.SSLContext:
    from .dimse import load_files

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if destination.certificate is None or destination.key is None:
        raise UsageError(f"[pacs.{destination.name}] retrieve by move with tls needs certificate-file and key-file")
    load_files(context, destination)
    if destination.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextlib.contextmanager
def dimse_peer(destination: Destination, *, move: bool) -> Generator[DimsePeer]:
    """A peer for a `with`. Raises UsageError where pynetdicom is missing, or our port is taken."""
    from ..machine.install import require

    require("pynetdicom")
    with DimsePeer(destination, move=move) as peer:
        yield peer
