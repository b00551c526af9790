"""Associations with a PACS: opened, refused with the reason, and closed. Needs pynetdicom."""

import contextlib
import socket
import ssl
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PeerError, UsageError
from ..machine.install import require
from .destinations import Destination, require_private

if TYPE_CHECKING:
    from pynetdicom.association import Association

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

#: A-ASSOCIATE-RJ, source and reason (PS3.8 9.3.4): whose setting is wrong.
_REJECTED = {
    (1, 3): "it does not know our AE title {calling}: enter it there, or set calling-aet",
    (1, 7): "it is not called {called}: mend aet, with capital letters as the PACS has them",
    (1, 2): "it does not speak DICOM's application context",
    (3, 1): "it is too busy: run again later",
    (3, 2): "its limit of associations is reached: run again later",
}


@contextlib.contextmanager
def association(
    destination: Destination,
    contexts: Iterable[tuple[str, Sequence[str]]],
    *,
    provides: Iterable[str] = (),
    handlers: Sequence[tuple[Any, ...]] = (),
) -> "Generator[Association]":
    """An open association, released at the end of the block.

    contexts: SOP classes, each with its transfer syntaxes. provides: SOP classes whose storage we provide on this
    association (C-GET), which is negotiated by role. Raises PeerError with the reason and what mends it, UsageError.
    """
    require("pynetdicom")
    from pynetdicom import AE, build_role

    entity = AE(ae_title=destination.calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = destination.timeout
    entity.connection_timeout = destination.timeout
    for sop_class, syntaxes in contexts:
        entity.add_requested_context(sop_class, list(syntaxes))
    tls = (tls_context(destination), destination.host) if destination.tls else None
    try:
        opened = entity.associate(
            destination.host,
            destination.port,
            ae_title=destination.ae_title,
            max_pdu=0,
            ext_neg=[build_role(sop_class, scp_role=True) for sop_class in provides],
            evt_handlers=list(handlers),
            tls_args=tls,
        )
    except OSError:  # a host without an address
        raise PeerError(f"{destination.name}: {reach(destination) or 'its address cannot be used'}") from None
    try:
        if not opened.is_established:
            raise PeerError(f"{destination.name}: {_why_not(destination, opened)}")
        yield opened
    finally:
        if opened.is_established:
            opened.release()
        elif not (opened.is_released or opened.is_aborted or opened.is_rejected):
            opened.abort()


def tls_context(destination: Destination) -> ssl.SSLContext:
    """TLS 1.2 or later, the PACS's certificate checked (PS3.15 B.12). Raises UsageError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if destination.ca is None:
        context.load_default_certs()
    load_files(context, destination)
    return context


def load_files(context: ssl.SSLContext, destination: Destination) -> None:
    """Who may have signed the PACS's certificate, and ours, where the settings name them. Raises UsageError."""
    where = f"[pacs.{destination.name}]"
    files = {"ca-file": destination.ca, "certificate-file": destination.certificate, "key-file": destination.key}
    for key, file in files.items():
        if file is not None and not file.is_file():
            raise UsageError(f"{where} {key}: there is no file {file}")

    def no_password() -> bytes:  # OpenSSL would ask at the terminal, and wait there
        raise UsageError(f"{where} key-file: the key has a password, and nobody is there at night: take it off")

    try:
        if destination.ca is not None:
            context.load_verify_locations(destination.ca)
        if destination.certificate is not None and destination.key is not None:
            require_private(destination.key, where)
            context.load_cert_chain(destination.certificate, destination.key, password=no_password)
    except (OSError, ssl.SSLError):
        raise UsageError(
            f"{where} ca-file, certificate-file or key-file cannot be used: they must be PEM, and the key the "
            "certificate's own"
        ) from None


def _why_not(destination: Destination, opened: "Association") -> str:
    # A PACS that rejects at once has closed before pynetdicom looks for its answer, which then stays in its queue.
    answer: Any = opened.acceptor.primitive if opened.is_rejected else opened.dul.peek_next_pdu()
    if getattr(answer, "result", 0) in (1, 2):  # permanent, transient (PS3.8 9.3.4)
        reason = (getattr(answer, "result_source", 0), getattr(answer, "diagnostic", 0))
        text = _REJECTED.get(reason, f"it rejects the association (source {reason[0]}, reason {reason[1]})")
        return text.format(calling=destination.calling, called=destination.ae_title)
    if opened.rejected_contexts:
        return f"it takes none of what it was asked for: allow it there for {destination.calling}"
    return (
        reach(destination)
        or "it ends the association before it begins: is this its DICOM port, and with TLS or without?"
    )


def reach(destination: Destination) -> str:
    """Why its port cannot be reached, or no TLS be spoken there, as a sentence that says what to mend; '' if it can."""
    where = f"{destination.host}:{destination.port}"
    try:
        plain = socket.create_connection((destination.host, destination.port), timeout=destination.timeout)
    except socket.gaierror:
        return f"there is no host {destination.host}: check host, and this machine's name service"
    except TimeoutError:
        return f"{where} does not answer: is the PACS on, and does a firewall let us through?"
    except ConnectionRefusedError:
        return f"nothing listens at {where}: is the PACS running, and is port right?"
    except OSError:
        return f"{where} cannot be reached: check host and the network"
    with plain:
        if not destination.tls:
            return ""
        try:
            with tls_context(destination).wrap_socket(plain, server_hostname=destination.host):
                return ""
        except ssl.SSLCertVerificationError as error:
            return f"its certificate is not trusted ({_sentence(error)}): name who signed it with ca-file"
        except (ssl.SSLError, OSError):
            return f"{where} does not agree to TLS: is it a TLS port, and does it want a certificate of ours?"


def _sentence(error: ssl.SSLCertVerificationError) -> str:
    """OpenSSL's own words for a certificate's fault; a certificate's names are not among them."""
    return error.verify_message.partition(",")[0].lower() if error.verify_message else "it cannot be verified"
