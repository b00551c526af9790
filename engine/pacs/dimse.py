"""Associations with a PACS: opened, refused with the reason, and closed. Needs pynetdicom."""

import contextlib
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
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
) -> "Iterator[Association]":
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

    def ask() -> "Association":
        return entity.associate(
            destination.host,
            destination.port,
            ae_title=destination.ae_title,
            max_pdu=0,
            ext_neg=[build_role(sop_class, scp_role=True) for sop_class in provides],
            evt_handlers=list(handlers),
            tls_args=(tls_context(destination), destination.host) if destination.tls else None,
        )

    opened = ask()
    if opened.is_aborted and not reach(destination):
        opened = ask()  # a peer that refuses and closes at once may take its answer with it; it answers again
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
    try:
        context = ssl.create_default_context(cafile=destination.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if destination.certificate is not None and destination.key is not None:
            require_private(destination.key, f"[pacs.{destination.name}]")
            context.load_cert_chain(destination.certificate, destination.key)
    except (OSError, ssl.SSLError):
        raise UsageError(f"[pacs.{destination.name}]: ca-file, certificate-file or key-file cannot be read") from None
    return context


def _why_not(destination: Destination, opened: "Association") -> str:
    if opened.is_rejected:
        primitive = opened.acceptor.primitive
        reason = (getattr(primitive, "result_source", 0), getattr(primitive, "diagnostic", 0))
        text = _REJECTED.get(reason, f"it rejects the association (source {reason[0]}, reason {reason[1]})")
        return text.format(calling=destination.calling, called=destination.ae_title)
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
