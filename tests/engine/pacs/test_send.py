"""Results into real archives: Orthanc by C-STORE and STOW-RS, DCMTK's dcmqrscp and storescp; and what goes wrong."""

import io
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest

from xscan.engine.lists.table import Row
from xscan.engine.pacs.destinations import Destination, named
from xscan.engine.pacs.outbox import Outbox
from xscan.engine.pacs.send import Delivered, deliver

from .lists import row_of
from .orthanc import Orthanc, orthanc
from .peers import films, free_port, hostile, started

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")
# pynetdicom leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    films(folder, 2)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[Row]:
    return [
        row_of(film, folder, band) for film, band in zip(sorted(folder.iterdir()), ("urgent", "review"), strict=True)
    ]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


def put(state: Path, folder: Path, rows: list[Row], to: Destination, **more: Any) -> None:
    with Outbox(state) as outbox:
        outbox.enqueue(folder, rows, to, (0.21, 0.61), "0.1.0", **more)


def to_port(port: int, **more: Any) -> Destination:
    table = {"aet": "PACS", "host": "127.0.0.1", "port": port, "timeout": 5, "send": ["sr"], **more}
    return named({"main": table}, "main", Path())


@pytest.mark.parametrize("way", ["dimse", "web"])
def test_orthanc_stores_lists_and_returns_them(
    archive: Orthanc, tmp_path: Path, folder: Path, rows: list[Row], way: str
) -> None:
    archive.clear()
    to = archive.destination(send=["sr", "sc", "ko"], send_by=way)
    put(tmp_path, folder, rows, to)
    done = deliver(tmp_path, to)
    assert (done.sent, done.failed, done.waiting, done.problem) == (5, 0, 0, "")
    for modality, number in (("SR", 2), ("OT", 2), ("KO", 1)):
        found = archive.instances(modality)
        assert len(found) == number
        for uid, content in found.items():
            data = pydicom.dcmread(io.BytesIO(content))
            assert data.SOPInstanceUID == uid
            assert data.PatientID in ("PHANTOM-0001", "PHANTOM-0002")
            assert data.StudyInstanceUID in {row.study_uid for row in rows}
    before = archive.instances()
    put(tmp_path, folder, rows, to)
    assert deliver(tmp_path, to).sent == 0  # what was sent is not sent again
    put(tmp_path, folder, rows, to, again=True)
    assert deliver(tmp_path, to).sent == 5
    assert archive.instances() == before  # ... and is the same where it is


def test_dcmqrscp_and_storescp_take_them(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    port = free_port()
    (tmp_path / "db").mkdir()
    settings = tmp_path / "dcmqrscp.cfg"
    settings.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 4\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nPACS {tmp_path / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    to = to_port(port, send=["sr", "sc", "ko"])
    put(tmp_path / "a", folder, rows, to)
    with started("dcmqrscp", "-c", settings, port=port):
        assert deliver(tmp_path / "a", to).sent == 5
    assert len([path for path in (tmp_path / "db").iterdir() if path.suffix == ".dcm" or "_" in path.name]) >= 5
    port, out = free_port(), tmp_path / "out"
    out.mkdir()
    to = to_port(port, send=["sr", "sc", "ko"])
    put(tmp_path / "b", folder, rows, to)
    with started("storescp", "--implicit", "-od", out, port, port=port):  # it wants implicit VR alone
        assert deliver(tmp_path / "b", to).sent == 5
    assert len(list(out.iterdir())) == 5
    for path in out.iterdir():
        assert pydicom.dcmread(path).PatientID.startswith("PHANTOM-")


@pytest.mark.parametrize("uids", [{}, {"SOPInstanceUID": "1.2.03.0004", "StudyInstanceUID": "1.02.3"}])
def test_nothing_of_a_hostile_film_is_printed(
    tmp_path: Path,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    uids: dict[str, str],
) -> None:
    """pydicom and highdicom warn of malformed values, and quote them."""
    scanned, out, port = tmp_path / "films", tmp_path / "out", free_port()
    scanned.mkdir()
    out.mkdir()
    film = scanned / "film.dcm"
    hostile(next(iter(folder.iterdir())), film, **uids)
    to = to_port(port, send=["sr", "sc", "ko"])
    with (
        warnings.catch_warnings(record=True) as warned,
        caplog.at_level(0, "xscan"),
        started("storescp", "-od", out, port, port=port),
    ):
        warnings.simplefilter("always")
        put(tmp_path, scanned, [row_of(film, scanned)], to)
        done = deliver(tmp_path, to, audit=tmp_path / "log")
    assert (done.sent + done.failed, done.waiting) == (3, 0)
    assert done.sent or uids
    if not uids:
        [line] = (tmp_path / "log" / "audit.jsonl").read_text().splitlines()
        told = json.loads(line)["irregular"]
        assert told.items() >= {"AccessionNumber kept": 3, "StudyDate left out": 3}.items()
        assert "SECRET" not in line
    said = capfd.readouterr()
    assert (said.out, said.err, [str(one.message) for one in warned]) == ("", "", [])
    ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("xscan"))
    assert not [word for word in ("SECRET", "03.0004") if word in ours + repr(done)]


def test_a_pacs_that_is_down_for_the_night_gets_them_when_it_is_back(
    tmp_path: Path, folder: Path, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    from xscan.engine.pacs import send

    monkeypatch.setattr(send, "RETRY", 0.2)
    port, web = free_port(), free_port()
    to = Orthanc(port, web).destination(send=["sr"], timeout=3)
    put(tmp_path, folder, rows, to)
    done = deliver(tmp_path, to)
    assert (done.sent, done.waiting) == (0, 2)
    assert "nothing listens at" in done.problem
    found: list[Delivered] = []
    night = threading.Thread(target=lambda: found.append(deliver(tmp_path, to, wait=60)))
    night.start()
    (tmp_path / "o").mkdir()
    with orthanc(tmp_path / "o", port, web) as running:
        night.join(60)
        assert len(running.instances("SR")) == 2
    assert (found[0].sent, found[0].waiting, found[0].problem) == (2, 0, "")


def test_a_dead_pacs_keeps_no_other_one_waiting(
    archive: Orthanc, tmp_path: Path, folder: Path, rows: list[Row]
) -> None:
    dead, alive = to_port(free_port()), archive.destination(send=["sr"])
    put(tmp_path, folder, rows, dead)
    put(tmp_path, folder, rows, alive)
    assert deliver(tmp_path, dead).waiting == 2
    assert deliver(tmp_path, alive).sent == 2


@contextmanager
def provider(*statuses: int | None) -> Iterator[int]:
    """A storage provider that gives these answers in turn, the last one for ever. None: it aborts. Gives its port."""
    from pynetdicom import AE, evt

    answers = list(statuses)

    def handle(event: Any) -> int:
        status = answers.pop(0) if len(answers) > 1 else answers[0]
        if status is None:
            event.assoc.abort()
            return 0xC211
        return status

    entity = AE(ae_title="PACS")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.88.33")
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, handle)])
    try:
        yield server.server_address[1]  # type: ignore[union-attr]
    finally:
        server.shutdown()  # type: ignore[union-attr]


def test_a_full_pacs_gets_them_later(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with provider(0xA700, 0xA700, 0x0000) as port:
        to = to_port(port)
        put(tmp_path, folder, rows, to)
        first = deliver(tmp_path, to)
        assert (first.sent, first.waiting, first.codes) == (0, 2, {"A700": 2})
        assert deliver(tmp_path, to).sent == 0  # not yet
        done = deliver(tmp_path, to, now=True)
        assert (done.sent, done.waiting, done.failed) == (2, 0, 0)


@pytest.mark.parametrize(
    ("status", "sent", "warned", "failed", "waiting"),
    [(0xB000, 2, 2, 0, 0), (0xC000, 0, 0, 2, 0), (0xA900, 0, 0, 2, 0), (0x0110, 0, 0, 0, 2)],
)
def test_each_answer_is_kept(
    tmp_path: Path, folder: Path, rows: list[Row], status: int, sent: int, warned: int, failed: int, waiting: int
) -> None:
    with provider(status) as port:
        to = to_port(port)
        put(tmp_path, folder, rows, to)
        done = deliver(tmp_path, to)
    assert (done.sent, done.warned, done.failed, done.waiting) == (sent, warned, failed, waiting)
    assert done.codes == ({f"{status:04X}": 2} if not sent else {})


def test_an_association_that_ends_in_the_middle_is_no_success(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with provider(None) as port:
        to = to_port(port)
        put(tmp_path, folder, rows, to)
        done = deliver(tmp_path, to)
    assert (done.sent, done.failed, done.waiting) == (0, 0, 2)
    assert "in the middle" in done.problem


def test_what_the_pacs_does_not_accept_is_said(tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    with provider(0x0000) as port:
        to = to_port(port, send=["sr", "ko"])
        put(tmp_path, folder, rows, to)
        done = deliver(tmp_path, to)
    assert (done.sent, done.failed, done.codes) == (2, 1, {"0122": 1})
    with provider(0x0000) as port:
        to = to_port(port, send=["ko"])
        put(tmp_path / "ko", folder, rows, to)
        done = deliver(tmp_path / "ko", to)
    assert (done.waiting, "allow it there for XSCAN" in done.problem) == (1, True)


def test_a_wrong_ae_title_is_named(archive: Orthanc, tmp_path: Path, folder: Path, rows: list[Row]) -> None:
    to = archive.destination(aet="ORTHANK", send=["sr"])
    put(tmp_path, folder, rows, to)
    done = deliver(tmp_path, to)
    assert done.waiting == 2
    assert "it is not called ORTHANK" in done.problem


def test_a_film_that_is_gone_or_is_another_one_now_is_not_sent(
    archive: Orthanc, tmp_path: Path, folder: Path, rows: list[Row]
) -> None:
    scanned = tmp_path / "films"
    scanned.mkdir()
    for film in folder.iterdir():
        (scanned / film.name).write_bytes(film.read_bytes())
    archive.clear()
    to = archive.destination(send=["sr"])
    put(tmp_path / "state", scanned, rows, to)
    first, second = sorted(scanned.iterdir())
    first.unlink()
    second.write_bytes((folder / first.name).read_bytes())  # another patient's film under the same name
    done = deliver(tmp_path / "state", to)
    assert (done.sent, done.failed) == (0, 2)
    assert done.codes == {"vanished": 2}
    assert archive.instances() == {}


def test_stow_says_why(tmp_path: Path, folder: Path, rows: list[Row], archive: Orthanc) -> None:
    wrong = archive.destination(url=archive.url + "/nowhere", send_by="web", send=["sr"])
    put(tmp_path, folder, rows, wrong)
    done = deliver(tmp_path, wrong)
    assert (done.sent, done.waiting) == (0, 2)
    assert "check the path of url" in done.problem
