"""The storage provider, asked by DCMTK's tools: what it takes, from whom, and what it answers."""

import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest

pytest.importorskip("pynetdicom")

from pynetdicom import AE, build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from xscan.engine.errors import StorageError, UsageError
from xscan.engine.pacs.listener import Listener
from xscan.engine.pacs.settings import ListenSettings, Tls
from xscan.engine.pacs.store import Kept, Outcome
from xscan.engine.pacs.syntaxes import TRANSFER_SYNTAXES
from xscan.engine.read.dicom.header import parse

from .peers import films, need, run, storescu


class Room:
    """A listener that keeps films in memory."""

    def __init__(self, folder: Path) -> None:
        self.settings = {"store": folder / "store", "state": folder / "state", "port": 0}
        self.kept: list[bytes] = []
        self.told: list[str] = []
        self.port = 0
        self.keep: Callable[[bytes, object], Kept] = self._keep

    def _keep(self, content: bytes, _: object) -> Kept:
        self.kept.append(content)
        return Kept(Outcome.NEW, 1)

    @contextmanager
    def open(self, **settings: object) -> Iterator[Listener]:
        with Listener(ListenSettings(**(self.settings | settings)), self.keep, self.told.append) as listener:  # type: ignore[arg-type]
            self.port = listener.port
            yield listener


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return films(tmp_path_factory.mktemp("films"), 1)[0]


def test_echo_and_store(room: Room, film: Path) -> None:
    with room.open():
        assert run("echoscu", "-aec", "XSCAN", "127.0.0.1", room.port).returncode == 0
        assert storescu(room.port, film) == 0
    (content,) = room.kept
    sent, got = parse(film.read_bytes(), 1 << 26), parse(content, 1 << 26)
    assert content[128:132] == b"DICM"
    assert got.text(0x00080018) == sent.text(0x00080018) == got.text(0x00020003)
    assert got.transfer_syntax == sent.transfer_syntax


_COMPRESSED = {
    "1.2.840.10008.1.2": ("dcmconv", "+ti", "-xi"),
    "1.2.840.10008.1.2.2": ("dcmconv", "+tb", "-xb"),
    "1.2.840.10008.1.2.1.99": ("dcmconv", "+td", "-xd"),
    "1.2.840.10008.1.2.5": ("dcmcrle", "", "-xr"),
    "1.2.840.10008.1.2.4.70": ("dcmcjpeg", "+e1", "-xs"),
    "1.2.840.10008.1.2.4.57": ("dcmcjpeg", "+el", ""),
    "1.2.840.10008.1.2.4.80": ("dcmcjpls", "", "-xt"),
    "1.2.840.10008.1.2.4.81": ("dcmcjpls", "+en", "-xu"),
}


@pytest.mark.parametrize("syntax", _COMPRESSED)
def test_transfer_syntaxes(room: Room, film: Path, tmp_path: Path, syntax: str) -> None:
    """Stored as it was sent, byte for byte behind the File Meta Information."""
    encoder, how, propose = _COMPRESSED[syntax]
    if not propose:
        pytest.skip("storescu does not propose it")
    assert run(encoder, *filter(None, [how]), film, tmp_path / "film.dcm").returncode == 0
    with room.open():
        assert storescu(room.port, propose, tmp_path / "film.dcm") == 0
    header = parse(room.kept[0], 1 << 26)
    assert header.transfer_syntax == syntax
    assert header.problem is None


def test_every_transfer_syntax_that_xscan_reads_is_taken(room: Room) -> None:
    with room.open():
        films = ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1")
        others = ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.33")
        wanted = [build_context(sop_class, syntax) for syntax in TRANSFER_SYNTAXES for sop_class in films]
        with _associated(room.port, wanted + [build_context(sop_class) for sop_class in others]) as association:
            assert len(association.accepted_contexts) == 2 * len(TRANSFER_SYNTAXES)
            assert len(association.rejected_contexts) == 3
    with (
        room.open(secondary_capture=True),
        _associated(room.port, [build_context("1.2.840.10008.5.1.4.1.1.7")]) as association,
    ):
        assert len(association.accepted_contexts) == 1


def test_titles(room: Room, film: Path) -> None:
    with room.open(callers=("ROOM", "CR 2"), bind="127.0.0.1"):
        assert storescu(room.port, film) == 0
        assert storescu(room.port, film, calling="CR 2") == 0
        assert storescu(room.port, film, calling="STRANGER") != 0
        assert storescu(room.port, film, called="ANY-SCP") != 0
        assert run("echoscu", "-aet", "STRANGER", "-aec", "XSCAN", "127.0.0.1", room.port).returncode != 0
    assert len(room.kept) == 2
    assert set(room.told) == {
        "a caller was refused: its AE title is not in the list of --from",
        "a caller was refused: it called another AE title than ours",
    }


def test_without_a_list_only_this_machine(room: Room) -> None:
    assert ListenSettings(room.settings["store"], room.settings["state"]).address == "127.0.0.1"  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--from AET"), room.open(bind="0.0.0.0"):
        pass
    with room.open(callers=("A",)) as listener:
        assert listener._server.server_address[0] == "0.0.0.0"


@pytest.mark.parametrize("title", ["", " ", "A" * 17, "A\\B", "É", "A\n"])
def test_no_title(room: Room, title: str) -> None:
    with pytest.raises(UsageError, match="no AE title"), room.open(aet=title):
        pass


def test_a_port_that_is_taken(room: Room) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UsageError, match="cannot listen"), room.open(port=other.getsockname()[1]):
            pass


def test_what_cannot_be_kept_is_answered_with_a700(room: Room, film: Path) -> None:
    """DCMTK calls it 'Refused: OutOfResources'; the association goes on."""
    answers: list[BaseException | None] = [StorageError("the disk is full"), None]

    def keep(content: bytes, association: object) -> Kept:
        if error := answers.pop(0):
            raise error
        return room._keep(content, association)

    room.keep = keep
    with room.open():
        done = run("storescu", "-v", "-aec", "XSCAN", "+sd", "127.0.0.1", room.port, film.parent)
        assert "Refused: OutOfResources" in done.stdout + done.stderr
        assert storescu(room.port, film) == 0
    assert room.told == ["a film was refused: the disk is full"]


def test_an_association_that_breaks_off_in_the_middle(room: Room, film: Path) -> None:
    with room.open():
        with _associated(room.port) as association:
            body = film.read_bytes()[400:20000]
            _raw(association).sendall(_pdata(1, 0x03, _command(film)) + _pdata(1, 0x00, body)[:10000])
            _raw(association).shutdown(socket.SHUT_RDWR)
        _gone(room)
        assert room.kept == []
        assert storescu(room.port, film) == 0
    assert len(room.kept) == 1


def test_a_film_without_end_and_a_pdu_of_4_gb(room: Room, film: Path) -> None:
    with room.open(most=1 << 20):
        for pdus in ([_pdata(1, 0x00, b"\0" * 100_000)] * 40, [struct.pack(">BBI", 4, 0, 0xFFFFFFFF), b"\0" * 1000]):
            with _associated(room.port) as association, pytest.raises(OSError):  # noqa: PT012
                raw = _raw(association)
                raw.sendall(_pdata(1, 0x03, _command(film)))
                for pdu in pdus:
                    raw.sendall(pdu)
                for _ in range(100):
                    raw.sendall(b"\0" * 10)
                    time.sleep(0.05)
            _gone(room)
        assert storescu(room.port, film) == 0
    assert len(room.kept) == 1


def test_callers_that_say_nothing_hold_nobody_up(room: Room, film: Path) -> None:
    with room.open(idle=1.0, associations=2):
        silent = [socket.create_connection(("127.0.0.1", room.port)) for _ in range(2)]
        half = socket.create_connection(("127.0.0.1", room.port))
        half.sendall(struct.pack(">BBI", 1, 0, 500) + b"\0\1")  # an A-ASSOCIATE-RQ that breaks off
        time.sleep(2.5)
        assert storescu(room.port, film) == 0
        for connection in (*silent, half):
            connection.close()


def test_too_many_associations_are_refused_for_now(room: Room, film: Path) -> None:
    with room.open(associations=1):
        with _associated(room.port):
            assert storescu(room.port, film) != 0
        _gone(room)
        assert storescu(room.port, film) == 0
    assert "there are too many associations" in room.told[0]


def test_the_film_in_hand_is_finished_at_the_end(room: Room, film: Path) -> None:
    begun, answered = threading.Event(), []

    def keep(content: bytes, association: object) -> Kept:
        begun.set()
        time.sleep(0.5)
        return room._keep(content, association)

    room.keep = keep
    with room.open():
        sender = threading.Thread(target=lambda: answered.append(storescu(room.port, film)))
        sender.start()
        assert begun.wait(10)
    assert len(room.kept) == 1
    sender.join()


def _certificates(folder: Path) -> None:
    need("openssl")
    for name, signer in (("ca", ""), ("other-ca", ""), ("server", "ca"), ("room", "ca"), ("stranger", "other-ca")):
        line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        line += ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        line += ["-CA", f"{signer}.pem", "-CAkey", f"{signer}.key"] if signer else []
        line += [
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            f"basicConstraints=CA:{'FALSE' if signer else 'TRUE'}",
        ]
        subprocess.run(line, cwd=folder, check=True, capture_output=True)


def test_tls(room: Room, film: Path, tmp_path: Path) -> None:
    """With a certificate that our CA signed; without one, with a stranger's, and without TLS: nothing."""
    _certificates(tmp_path)
    tls = Tls(tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "ca.pem")

    def send(name: str) -> int:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        if name:
            context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        with _associated(room.port, tls=(context, "127.0.0.1")) as association:
            if not association.is_established:
                return -1
            return association.send_c_store(pydicom.dcmread(film)).get("Status", -1)

    with room.open(tls=tls, idle=5.0):
        silent = socket.create_connection(("127.0.0.1", room.port))  # would hold up pynetdicom's own server
        assert send("room") == 0
        ours = ("+tls", tmp_path / "room.key", tmp_path / "room.pem", "+cf", tmp_path / "ca.pem")
        assert storescu(room.port, *ours, film) == 0
        assert len(room.kept) == 2
        assert send("") == -1
        assert send("stranger") == -1
        assert storescu(room.port, film) != 0
        silent.close()
    assert len(room.kept) == 2
    assert "a caller was refused: no TLS, or no certificate that is known here" in room.told
    with pytest.raises(UsageError, match="must be PEM"):
        Tls(tmp_path / "server.pem", tmp_path / "room.key", tmp_path / "ca.pem").context()


def test_nothing_of_a_patient_is_logged(
    room: Room, film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    named = pydicom.dcmread(film)
    named.PatientName = "SECRET^NAME"
    named.save_as(tmp_path / "SECRET.dcm")

    def keep(content: bytes, association: object) -> Kept:
        raise RuntimeError(f"a bug that says {content[-10:]!r} SECRET")

    room.keep = keep
    with caplog.at_level(0), room.open():
        assert storescu(room.port, tmp_path / "SECRET.dcm") != 0
    out = capfd.readouterr()
    assert room.told == ["a film was refused: an internal error (RuntimeError)"]
    assert "SECRET" not in caplog.text + out.out + out.err + "".join(room.told)


# ---- what DICOM looks like on the wire (PS3.8 9.3, PS3.7 9.3.1) -----------------------------------------------------


@contextmanager
def _associated(
    port: int, contexts: "list[PresentationContext] | None" = None, tls: "tuple[ssl.SSLContext, str] | None" = None
) -> Iterator[Association]:
    """An association of pynetdicom's, refused or not. (It leaves its socket open where the peer was first to go.)"""
    ae = AE()
    ae.requested_contexts = contexts or [build_context("1.2.840.10008.5.1.4.1.1.1.1")]
    association = ae.associate("127.0.0.1", port, ae_title="XSCAN", tls_args=tls)  # type: ignore[arg-type]
    raw = association.dul.socket.socket if association.dul.socket is not None else None
    try:
        yield association
        if association.is_established:
            association.release()
    finally:
        if raw is not None:
            raw.close()


def _raw(association: Association) -> socket.socket:
    found = association.dul.socket.socket  # type: ignore[union-attr]
    assert found is not None
    return found


def _pdata(context: int, control: int, value: bytes) -> bytes:
    pdv = struct.pack(">IBB", len(value) + 2, context, control) + value
    return struct.pack(">BBI", 4, 0, len(pdv)) + pdv


def _command(film: Path) -> bytes:
    header = parse(film.read_bytes(), 1 << 26)
    elements = b""
    for tag, value in (
        (0x0002, header.value(0x00080016)),
        (0x0100, struct.pack("<H", 1)),
        (0x0110, struct.pack("<H", 1)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", 1)),
        (0x1000, header.value(0x00080018)),
    ):
        elements += struct.pack("<HHI", 0, tag, len(value)) + value
    return struct.pack("<HHII", 0, 0, 4, len(elements)) + elements


def _gone(room: Room) -> None:
    """Wait until no association is left."""
    from pynetdicom.association import Association

    deadline = time.monotonic() + 10
    while any(isinstance(t, Association) and t.is_acceptor for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
