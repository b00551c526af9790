"""TLS to a PACS: who is trusted, whose certificate is wanted, and what is said where it does not come about."""

import gc
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.errors import UsageError
from xscan.engine.pacs.checks import checks
from xscan.engine.pacs.destinations import Destination, named
from xscan.engine.pacs.outbox import Outbox
from xscan.engine.pacs.send import deliver

from .lists import row_of
from .peers import films, need, run

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")
# pynetdicom leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """While the filter above holds."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PACS and xscan, each signed by itself: NAME.pem, NAME.key."""
    need("openssl")
    folder = tmp_path_factory.mktemp("tls")
    for name in ("pacs", "xscan"):
        line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        line += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        files = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
        assert run(*line, *files).returncode == 0
        (folder / f"{name}.key").chmod(0o600)
    return folder


@contextmanager
def provider(certificates: Path, *, wants_ours: bool) -> Iterator[int]:
    """A storage provider with TLS. Gives its port."""
    from pynetdicom import AE, evt

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "pacs.pem", certificates / "pacs.key")
    if wants_ours:
        context.load_verify_locations(certificates / "xscan.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    entity = AE(ae_title="PACS")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.88.33")
    entity.add_supported_context("1.2.840.10008.1.1")
    handlers: list[Any] = [(evt.EVT_C_STORE, lambda _: 0x0000)]
    server: Any = entity.start_server(("127.0.0.1", 0), block=False, ssl_context=context, evt_handlers=handlers)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def to(port: int, certificates: Path, **more: Any) -> Destination:
    table = {"aet": "PACS", "host": "127.0.0.1", "port": port, "timeout": 5, "send": ["sr"], "tls": True, **more}
    return named({"main": table}, "main", certificates)


def sent(tmp_path: Path, destination: Destination) -> tuple[int, str]:
    (tmp_path / "films").mkdir()
    [film] = films(tmp_path / "films", 1)
    with Outbox(tmp_path / "state") as outbox:
        outbox.enqueue(film.parent, [row_of(film, film.parent)], destination, None, "0.1.0")
    done = deliver(tmp_path / "state", destination)
    return done.sent, done.problem


def test_both_sides_show_a_certificate(certificates: Path, tmp_path: Path) -> None:
    ours = {"ca-file": "pacs.pem", "certificate-file": "xscan.pem", "key-file": "xscan.key"}
    with provider(certificates, wants_ours=True) as port:
        assert sent(tmp_path, to(port, certificates, **ours)) == (1, "")
        found = {check.name: check.well for check in checks(to(port, certificates, **ours))}
    assert found["reach"]
    assert found["C-ECHO"]


def test_an_unknown_signer_is_not_trusted(certificates: Path, tmp_path: Path) -> None:
    with provider(certificates, wants_ours=False) as port:
        number, problem = sent(tmp_path, to(port, certificates))
    assert number == 0
    assert "not trusted" in problem
    assert "ca-file" in problem


def test_a_pacs_that_wants_our_certificate_and_does_not_get_it(certificates: Path, tmp_path: Path) -> None:
    with provider(certificates, wants_ours=True) as port:
        number, problem = sent(tmp_path, to(port, certificates, **{"ca-file": "pacs.pem"}))
    assert number == 0
    assert "TLS" in problem


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ({"ca-file": "no.pem"}, r"ca-file: there is no file .*no.pem"),
        ({"certificate-file": "xscan.pem", "key-file": "no.key"}, r"key-file: there is no file .*no.key"),
        ({"certificate-file": "xscan.pem", "key-file": "locked.key"}, "the key has a password"),
        ({"certificate-file": "xscan.pem", "key-file": "pacs.key"}, "the certificate's own"),
        ({"ca-file": "xscan.key"}, "they must be PEM"),
    ],
)
@pytest.mark.parametrize("url", ["", "https://127.0.0.1:9/dicom-web"])
def test_a_file_that_is_of_no_use_is_named(
    certificates: Path, tmp_path: Path, file: dict[str, str], says: str, url: str
) -> None:
    locked = certificates / "locked.key"
    if not locked.exists():
        key = certificates / "xscan.key"
        assert run("openssl", "rsa", "-aes128", "-passout", "pass:x", "-in", key, "-out", locked).returncode == 0
        locked.chmod(0o600)
    more = {"url": url, "send-by": "web"} if url else {}
    with pytest.raises(UsageError, match=says):
        sent(tmp_path, to(9, certificates, **file, **more))


def test_a_key_that_others_may_read_is_refused(certificates: Path, tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("permissions are lists there")
    key = tmp_path / "open.key"
    key.write_bytes((certificates / "xscan.key").read_bytes())
    key.chmod(0o644)
    ours = {"ca-file": "pacs.pem", "certificate-file": "xscan.pem", "key-file": str(key)}
    with provider(certificates, wants_ours=True) as port, pytest.raises(UsageError, match="chmod 600"):
        sent(tmp_path, to(port, certificates, **ours))
