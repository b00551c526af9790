"""What a listener is asked for."""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError


@dataclass(frozen=True)
class Tls:
    """PEM files: our certificate and its key, and who may have signed those of callers. Without one nobody gets in."""

    certificate: Path
    key: Path
    callers: Path

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later, with a client certificate (PS3.15 B.12). Raises UsageError."""
        options = {"--tls-cert": self.certificate, "--tls-key": self.key, "--tls-ca": self.callers}
        for option, file in options.items():
            if not file.is_file():
                raise UsageError(f"{option}: there is no file {file}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
            context.load_verify_locations(self.callers)
        except (OSError, ssl.SSLError):
            raise UsageError(
                "cannot use the files of --tls-cert, --tls-key and --tls-ca: they must be PEM, the key without a "
                "password and the certificate's own"
            ) from None
        return context


def _no_password() -> bytes:
    raise UsageError("the key of --tls-key has a password: a service cannot be asked for one, take it off")


@dataclass(frozen=True)
class ListenSettings:
    """Who may send what, and where it goes. Raises UsageError for what no listener can do."""

    store: Path
    state: Path  #: xscan's own folder: journal, half-written films
    aet: str = "XSCAN"
    port: int = 11112
    bind: str = ""  #: address; without one loopback, or every address where `callers` says who may call
    callers: tuple[str, ...] = ()  #: calling AE titles; none: anybody on this machine
    tls: Tls | None = None
    secondary_capture: bool = False
    floor: int = 2 << 30  #: bytes of the disk that must stay free
    most: int = 512 << 20  #: bytes of a film
    quiet: float = 60.0  #: seconds
    longest: float = 1800.0  #: seconds
    keep: float = 0.0  #: seconds that films stay in the store after their study's last one came; 0: for ever
    associations: int = 16  #: at once
    idle: float = 60.0  #: seconds of silence after which an association is ended

    def __post_init__(self) -> None:
        for title in (self.aet, *self.callers):
            require_title(title)
        if not self.callers and not is_loopback(self.address):
            raise UsageError(
                f"without a list of who may call, xscan listens on this machine only: add --from AET, or leave out "
                f"--bind {self.bind}"
            )

    @property
    def address(self) -> str:
        return self.bind or ("0.0.0.0" if self.callers else "127.0.0.1")


def require_title(title: str) -> None:
    """Raise UsageError for what is no AE title (PS3.5 6.2: AE)."""
    if not title.strip() or len(title) > 16 or not all(" " <= c <= "~" and c != "\\" for c in title):
        raise UsageError(f"{title!r} is no AE title: 1 to 16 letters, digits and marks, no backslash")


def is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
