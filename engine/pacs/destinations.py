"""The other side: a PACS as xscan.toml describes it, and the secrets that never stand there.

    [pacs.main]
    aet = "ORTHANC"
    host = "10.1.2.3"
    port = 104

A password or token comes from the environment (XSCAN_PACS_MAIN_PASSWORD, XSCAN_PACS_MAIN_TOKEN) or from a file that
nobody else may read.
"""

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_AE_TITLE = re.compile(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?")  # PS3.5 6.2, AE: no backslash, no control character
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_SECRETS = ("password", "token", "secret", "passphrase")


class Kind(StrEnum):
    """What is sent of a result."""

    SR = "sr"  #: structured report
    SC = "sc"  #: picture
    KO = "ko"  #: key object, of urgent films alone


class Way(StrEnum):
    """How films are fetched."""

    GET = "get"  #: C-FIND and C-GET
    MOVE = "move"  #: C-FIND and C-MOVE, to a port of ours
    WEB = "web"  #: DICOMweb: QIDO-RS and WADO-RS


@dataclass(frozen=True)
class Destination:
    """One PACS. It has an AE title and host, or a DICOMweb address, or both."""

    name: str
    ae_title: str = ""
    host: str = ""
    port: int = 104
    calling: str = "XSCAN"  #: our own AE title
    tls: bool = False  #: of the association; DICOMweb says it by https:
    ca: Path | None = None  #: who may have signed the PACS's certificate; None: whom this machine trusts
    certificate: Path | None = None  #: our own, where the PACS asks for one
    key: Path | None = None
    url: str = ""  #: root of the DICOMweb services
    user: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    send: tuple[Kind, ...] = (Kind.SR, Kind.SC)
    send_by_web: bool = False
    contour: bool = False  #: in the picture, where the network has class maps
    retrieve: Way = Way.GET
    move_to: str = ""  #: AE title of ours that the PACS knows as a place to send to
    move_port: int = 11113
    hours: tuple[time, time] | None = None  #: when films may be fetched; from, until; across midnight, too
    timeout: float = 30.0  #: seconds that an answer may take

    @property
    def dimse(self) -> bool:
        return bool(self.host)

    @property
    def address(self) -> str:
        """Where results go: AE title, host and port, or a URL, which holds no password."""
        return self.url if self.send_by_web else f"{self.ae_title}@{self.host}:{self.port}"

    def credentials(self) -> "Credentials":
        """Raises UsageError where a file of secrets is missing or may be read by others."""
        stem = "XSCAN_PACS_" + re.sub(r"\W", "_", self.name).upper()
        password = _secret(f"{stem}_PASSWORD", self.password_file, self.name)
        token = _secret(f"{stem}_TOKEN", self.token_file, self.name)
        if self.user and not password:
            raise UsageError(f"no password for {self.user} at {self.name}: set {stem}_PASSWORD, or password-file")
        if (token or self.user) and self.url and not _is_safe(self.url):
            raise UsageError(f"[pacs.{self.name}] url: a password or token goes over https: or to this machine alone")
        return Credentials(self.user, password, token)

    def may_fetch(self, now: time) -> bool:
        """Whether films may be fetched at this time of day."""
        if self.hours is None:
            return True
        start, end = self.hours
        return start <= now < end if start < end else now >= start or now < end


@dataclass(frozen=True, repr=False)
class Credentials:
    """Never printed."""

    user: str = ""
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return "Credentials(...)"


def named(tables: Mapping[str, Any], name: str, folder: Path) -> Destination:
    """The destination [pacs.NAME]. folder: the settings file's, from which its paths are meant. Raises UsageError."""
    if name not in tables:
        known = ", ".join(sorted(tables)) or "none"
        raise UsageError(f"no [pacs.{name}] in the settings (there: {known}): see docs/pacs.md for the lines to write")
    if not _NAME.fullmatch(name):
        raise UsageError(f"[pacs.{name}]: a name has letters, digits, - and _, at most 40")
    if not isinstance(tables[name], Mapping):
        raise UsageError(f"[pacs] {name} stands outside a table: write it below the destination's name, as [pacs.main]")
    return _Table(name, tables[name], folder).destination()


class _Table:
    """One table of the settings file, key by key; what is left over is no setting."""

    def __init__(self, name: str, content: Mapping[str, Any], folder: Path) -> None:
        self.name = name
        self._left = dict(content)
        self._known: list[str] = []
        self._folder = folder

    def destination(self) -> Destination:
        for key in self._left:
            if key in _SECRETS:
                stem = "XSCAN_PACS_" + re.sub(r"\W", "_", self.name).upper()
                known = f"{stem}_{'TOKEN' if key == 'token' else 'PASSWORD'}"
                raise self._wrong(key, f"secrets do not belong into settings: use {known}, or {key}-file")
        found = Destination(
            name=self.name,
            ae_title=self._ae_title("aet", ""),
            host=self._host(),
            port=self._port("port", 104),
            calling=self._ae_title("calling-aet", "XSCAN"),
            tls=self._switch("tls"),
            ca=self._path("ca-file"),
            certificate=self._path("certificate-file"),
            key=self._path("key-file"),
            url=self._url(),
            user=self._text("user"),
            password_file=self._path("password-file"),
            token_file=self._path("token-file"),
            send=self._kinds(),
            send_by_web=self._choice("send-by", ("dimse", "web"), "dimse") == "web",
            contour=self._switch("contour"),
            retrieve=Way(self._choice("retrieve", tuple(Way), Way.GET)),
            move_to=self._ae_title("move-aet", ""),
            move_port=self._port("move-port", 11113),
            hours=self._hours(),
            timeout=self._seconds("timeout", 30.0),
        )
        if self._left:
            wrong = next(iter(self._left))
            near = get_close_matches(wrong, self._known, 1, 0.8)
            hint = f"did you mean {near[0]}?" if near else "see docs/pacs.md for those there are"
            raise self._wrong(wrong, f"is no setting: {hint}")
        if not found.host and not found.url:
            raise UsageError(f"[pacs.{self.name}] has neither host nor url: give aet and host, or url, or both")
        if found.host and not found.ae_title:
            raise UsageError(f"[pacs.{self.name}] has a host and no aet: give the PACS's own AE title")
        if found.retrieve is Way.MOVE and not found.move_to:
            raise UsageError(
                f"[pacs.{self.name}] retrieve is move: give move-aet, the AE title the PACS sends us films at"
            )
        if (found.certificate is None) != (found.key is None):
            raise self._wrong("certificate-file", "goes with key-file")
        return _by_what_there_is(found)

    def _take(self, key: str, default: Any) -> Any:
        self._known.append(key)
        return self._left.pop(key, default)

    def _wrong(self, key: str, why: str) -> UsageError:
        return UsageError(f"[pacs.{self.name}] {key}: {why}")

    def _text(self, key: str) -> str:
        value = self._take(key, "")
        if not isinstance(value, str) or not value.isprintable():
            raise self._wrong(key, "must be a text in quotes")
        return value

    def _ae_title(self, key: str, default: str) -> str:
        value = self._text(key) or default
        if value and not _AE_TITLE.fullmatch(value):
            raise self._wrong(key, "an AE title has 1 to 16 ASCII characters and no backslash")
        return value

    def _host(self) -> str:
        value = self._text("host")
        one_colon = value.count(":") == 1  # IPv6 has two at least
        if value and (one_colon or not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", value)):
            raise self._wrong("host", "must be a name or an IP address; its port is a setting of its own, port")
        return value

    def _url(self) -> str:
        value = self._text("url").rstrip("/")
        if not value:
            return ""
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise self._wrong("url", "must be http:// or https://, a host, and the path of the DICOMweb services")
        if parts.username or parts.password:
            raise self._wrong("url", "holds a name or password: use user, and the environment")
        return value

    def _port(self, key: str, default: int) -> int:
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65_535:
            raise self._wrong(key, "must be a number from 1 to 65535")
        return value

    def _seconds(self, key: str, default: float) -> float:
        value = self._take(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 3600:
            raise self._wrong(key, "must be seconds, up to 3600")
        return float(value)

    def _switch(self, key: str) -> bool:
        value = self._take(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "must be true or false")
        return value

    def _choice(self, key: str, known: tuple[str, ...], default: str) -> str:
        value = self._text(key) or default
        if value not in known:
            raise self._wrong(key, f"must be one of {', '.join(known)}")
        return value

    def _path(self, key: str) -> Path | None:
        value = self._text(key)
        return self._folder / value if value else None

    def _kinds(self) -> tuple[Kind, ...]:
        value = self._take("send", ["sr", "sc"])
        if not isinstance(value, list) or not all(kind in tuple(Kind) for kind in value):
            raise self._wrong("send", f"must be a list of {', '.join(Kind)}")
        return tuple(kind for kind in Kind if kind in value)

    def _hours(self) -> tuple[time, time] | None:
        value = self._text("off-peak")
        if not value:
            return None
        found = _HOURS.fullmatch(value)
        if found is None or found[1] + found[2] == found[3] + found[4]:
            raise self._wrong("off-peak", 'must be from and until, as "22:00-06:00"')
        return time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))


def _by_what_there_is(found: Destination) -> Destination:
    if not found.host:
        return replace(found, retrieve=Way.WEB, send_by_web=True)
    if not found.url and (found.retrieve is Way.WEB or found.send_by_web):
        raise UsageError(f"[pacs.{found.name}] retrieve or send-by says web, and there is no url")
    return found


def _secret(variable: str, file: Path | None, name: str) -> str:
    """From the environment, else from the file. Raises UsageError."""
    if value := os.environ.get(variable, ""):
        return value
    if file is None:
        return ""
    require_private(file, f"[pacs.{name}]")
    try:
        return file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"[pacs.{name}]: cannot read {file}: check the name and its permissions") from None


def require_private(file: Path, where: str) -> None:
    """Raise UsageError where others than this user and root may read or change a file of secrets.

    On Windows permissions are lists that are not looked at.
    """
    try:
        status = file.stat()
    except OSError:
        raise UsageError(f"{where}: there is no file {file}: check the name and its permissions") from None
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{where}: {file} is no plain file")
    if os.name == "nt":
        return
    if status.st_uid not in (0, os.getuid()):
        raise UsageError(f"{where}: {file} belongs to another user: make one of your own")
    if status.st_mode & 0o077:
        raise UsageError(f"{where}: {file} may be read by others: chmod 600 {file}")


def _is_safe(url: str) -> bool:
    """Whether what is sent there cannot be read on the way."""
    parts = urlsplit(url)
    return parts.scheme == "https" or _is_local(parts.hostname or "")


def is_plain(destination: Destination) -> bool:
    """Whether patient data goes there unencrypted, over a network."""
    if destination.url and not _is_safe(destination.url):
        return True
    return bool(destination.host) and not destination.tls and not _is_local(destination.host)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
