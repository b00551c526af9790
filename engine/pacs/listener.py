"""The DICOM storage provider (PS3.4 B): C-ECHO and C-STORE, over pynetdicom. Answers success for what is on the disk.

pynetdicom trusts its callers in four points, which are mended here: a caller that connects and says nothing stops a
TLS server, one that says half a sentence holds a thread for ever, a PDU may claim 4 GB, and a film may go on for ever.
"""

import contextlib
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from socketserver import BaseServer
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from ..errors import OutputError, StorageError, UsageError
from .settings import ListenSettings
from .store import Kept
from .syntaxes import PLAIN, TRANSFER_SYNTAXES, VERIFICATION, taken

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700  #: PS3.4 table B.2-1: the sender is to try again
PROCESSING_FAILURE = 0x0110  #: PS3.7 C.5.9
LARGEST_PDU = 1 << 17  #: bytes: what DCMTK's tools send at most
_SPARE = 1 << 20  #: bytes of a message beside its data set
_AT_ONCE = 4  #: connections for each association that is allowed: those that are not associated yet end by themselves
_CHUNK = 1 << 16

# It logs what peers say, patients' names among it.
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
logging.getLogger("pynetdicom").propagate = False


class Listener:
    """Use as a context manager: it listens from then on. `keep` is called in the association's thread.

    keep: stores a film, a whole DICOM file that came by an association. tell: is given a line.
    Raises UsageError when the port cannot be had.
    """

    def __init__(
        self,
        settings: ListenSettings,
        keep: Callable[[bytes, Association], Kept],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._keep = keep
        self._tell = tell
        self._ending = False
        self._in_work = 0
        self._work = threading.Condition()

    def __enter__(self) -> "Listener":
        settings = self._settings
        ae = AE(ae_title=settings.aet)
        ae.require_called_aet = True
        ae.require_calling_aet = list(settings.callers)
        ae.maximum_pdu_size = LARGEST_PDU
        ae.maximum_associations = settings.associations
        ae.acse_timeout = ae.dimse_timeout = min(30.0, settings.idle)
        ae.network_timeout = settings.idle
        ae.add_supported_context(VERIFICATION, list(PLAIN))
        for sop_class in taken(settings.secondary_capture):
            ae.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
        try:
            self._server: Any = ae.make_server(
                (settings.address, settings.port),
                evt_handlers=[(evt.EVT_C_STORE, self._store), (evt.EVT_REJECTED, self._rejected)],
                server_class=_Server,  # type: ignore[arg-type]
                request_handler=_handler(settings, self._tell),
            )
        except OSError:
            raise UsageError(
                f"cannot listen on {settings.address}, port {settings.port}: another program has it, or it is not to "
                "be had: give another --port or --bind"
            ) from None
        self.port: int = self._server.server_address[1]
        self._server.most = _AT_ONCE * settings.associations
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="listener", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, seconds: float = 3.0) -> None:
        """Take no more calls, finish the films in hand, end the associations."""
        self._ending = True
        self._server.end()
        with self._work:
            self._work.wait_for(lambda: self._in_work == 0, seconds)
        time.sleep(0.05)  # the answers are sent by another thread
        for association in self._server.active_associations:
            threading.Thread(target=association.abort, daemon=True).start()
        deadline = time.monotonic() + 1
        while self._server.active_associations and time.monotonic() < deadline:
            time.sleep(0.02)

    def _store(self, event: Any) -> int:
        with self._work:
            if self._ending:
                return OUT_OF_RESOURCES
            self._in_work += 1
        try:
            event.assoc.dul.socket.taken = 0
            content = event.encoded_dataset()
            event.request.DataSet = None  # not twice in memory
            self._keep(content, event.assoc)
        except (StorageError, OutputError) as error:
            self._tell(f"a film was refused: {error}")
            return OUT_OF_RESOURCES
        except Exception as error:  # its text could hold what a film says
            self._tell(f"a film was refused: an internal error ({type(error).__name__})")
            return PROCESSING_FAILURE
        finally:
            with self._work:
                self._in_work -= 1
                self._work.notify_all()
        return SUCCESS

    def _rejected(self, event: Any) -> None:
        called = event.assoc.requestor.primitive.called_ae_title
        why = "its AE title is not in the list of --from"
        if called != self._settings.aet.strip():
            why = "it called another AE title than ours"
        if len(self._server.active_associations) > self._settings.associations:
            why = "there are too many associations"
        self._tell(f"a caller was refused: {why}")


class _Server(ThreadedAssociationServer):
    daemon_threads = True
    request_queue_size = 64
    most = 64  #: connections at once

    def server_bind(self) -> None:
        """Theirs asks for a port that may be shared, which on Windows gives it to two programs at once."""
        assert self.socket is not None
        if sys.platform == "win32":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def get_request(self) -> tuple[socket.socket, Any]:
        assert self.socket is not None
        return self.socket.accept()  # TLS is the handler's, in its own thread

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return len(self.active_associations) < self.most

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that did not get through its handshake, or went away: told by the handler."""

    def end(self) -> None:
        """Stop taking calls. (Its own `shutdown` wants to be known to the AE.)"""
        BaseServer.shutdown(self)
        with contextlib.suppress(OSError):
            self.server_close()


def _handler(settings: ListenSettings, tell: Callable[[str], None]) -> type[RequestHandler]:
    context = settings.tls.context() if settings.tls is not None else None

    class Handler(RequestHandler):
        def handle(self) -> None:
            request: Any = self.request
            request.settimeout(settings.idle)  # also in the middle of a PDU
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                try:
                    request = self.request = context.wrap_socket(request, server_side=True)
                except (OSError, ssl.SSLError):
                    tell("a caller was refused: no TLS, or no certificate that is known here")
                    raise
            super().handle()

        def _create_association(self) -> Association:
            association = super()._create_association()
            # Made in the middle of theirs, where no other class can be named.
            bounded: Any = association.dul.socket
            bounded.__class__ = _Bounded
            bounded.taken, bounded.most = 0, settings.most + _SPARE
            return association

    return Handler


class _Bounded(AssociationSocket):
    """A connection on which no PDU is over its limit, and no message over a film's."""

    taken: int  #: bytes since the last film was whole
    most: int

    def recv(self, nr_bytes: int) -> bytearray:
        """Exactly so many bytes, or fewer where the peer went. Raises OSError."""
        self.taken += nr_bytes
        if nr_bytes > LARGEST_PDU + 6 or self.taken > self.most or self.socket is None:
            raise OSError("more than a film can have")
        buffer = bytearray(nr_bytes)
        view, at = memoryview(buffer), 0
        while at < nr_bytes:
            read = self.socket.recv_into(view[at:], min(nr_bytes - at, _CHUNK))
            if not read:
                break
            at += read
        view.release()
        del buffer[at:]
        return buffer

    def _shutdown_socket(self) -> None:
        """Theirs leaves the socket open where the peer was first to go."""
        connection = self.socket
        super()._shutdown_socket()
        if connection is not None:
            connection.close()
