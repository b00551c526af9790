"""Films out of real archives: Orthanc by C-GET, C-MOVE and DICOMweb, DCMTK's dcmqrscp; and half of an answer."""

import http.server
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, ClassVar

import pydicom
import pydicom.uid
import pytest

from xscan.engine.errors import PeerError, StorageError, UsageError
from xscan.engine.pacs import fetch as module
from xscan.engine.pacs import web
from xscan.engine.pacs.checks import checks
from xscan.engine.pacs.destinations import Destination, named
from xscan.engine.pacs.fetch import Fetched, fetch
from xscan.engine.pacs.find import Query
from xscan.engine.pacs.outbox import Outbox
from xscan.engine.pacs.send import deliver

from .lists import row_of
from .orthanc import Orthanc, orthanc
from .peers import films, free_port, need, run, started, storescu

pytest.importorskip("pynetdicom")
# pynetdicom leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ALL = Query(("CR", "DX"), date(2019, 1, 1), date(2021, 1, 1))  # phantoms are of 2020
MOVE_PORT = free_port()


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four films, one of them in JPEG lossless."""
    need("dcmcjpeg")
    folder = tmp_path_factory.mktemp("films")
    found = films(folder, 4)
    assert run("dcmcjpeg", "+e1", found[3], found[3]).returncode == 0
    return found


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, sent: list[Path]) -> Iterator[Orthanc]:
    us = {"xscan": ["XSCAN-IN", "127.0.0.1", MOVE_PORT]}
    with orthanc(tmp_path_factory.mktemp("orthanc"), DicomModalities=us) as running:
        assert storescu(running.port, *sent[:3], called="ORTHANC") == 0
        assert storescu(running.port, "-xs", sent[3], called="ORTHANC") == 0
        yield running


def of(archive: Orthanc, way: str) -> Destination:
    more = {"move_aet": "XSCAN-IN", "move_port": MOVE_PORT} if way == "move" else {}
    return archive.destination(retrieve=way, **more)


def uids(paths: "Iterator[Path] | list[Path]") -> set[str]:
    return {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in paths}


@pytest.mark.parametrize("way", ["get", "move", "web"])
def test_all_films_come_once_and_as_they_are_stored(
    archive: Orthanc, sent: list[Path], tmp_path: Path, way: str
) -> None:
    source, folder, state = of(archive, way), tmp_path / "films", tmp_path / "state"
    done = fetch(source, ALL, folder, state)
    assert (done.studies, done.films, done.missing, done.incomplete) == (4, 4, 0, 0), done
    came = sorted(folder.rglob("*.dcm"))
    assert uids(came) == uids(sent)
    assert {path.name for path in came} == {path.name for path in folder.rglob("*") if path.is_file()}
    jpeg = next(path for path in came if uids([path]) == uids([sent[3]]))
    assert pydicom.dcmread(jpeg).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
    assert pydicom.dcmread(jpeg).PixelData == pydicom.dcmread(sent[3]).PixelData
    again = fetch(source, ALL, folder, state)
    assert (again.unchanged, again.films) == (4, 0)
    came[0].unlink()
    assert fetch(source, ALL, folder, state).films == 0  # seen is seen
    assert fetch(source, ALL, folder, state, again=True).films == 4


def test_dcmqrscp_gives_films_by_get_and_move(sent: list[Path], tmp_path: Path) -> None:
    port, ours = free_port(), free_port()
    (tmp_path / "db").mkdir()
    settings = tmp_path / "dcmqrscp.cfg"
    settings.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 8\n"
        f"HostTable BEGIN\nus = (XSCAN-IN, localhost, {ours})\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nPACS {tmp_path / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    table = {"aet": "PACS", "host": "127.0.0.1", "port": port, "move-aet": "XSCAN-IN", "move-port": ours}
    # Without +xl it gives what is stored in a syntax that both accept.
    with started("dcmqrscp", "-c", settings, port=port):
        assert storescu(port, *sent[:3], called="PACS") == 0
        for way in ("get", "move"):
            source = named({"q": table | {"retrieve": way}}, "q", tmp_path)
            done = fetch(source, ALL, tmp_path / way, tmp_path / f"{way}-state")
            assert (done.films, done.missing, done.reasons) == (3, 0, {}), way
            assert uids((tmp_path / way).rglob("*.dcm")) == uids(sent[:3])


@pytest.mark.parametrize("way", ["get", "web"])
def test_accession_numbers_in_place_of_days(archive: Orthanc, tmp_path: Path, sent: list[Path], way: str) -> None:
    film = pydicom.dcmread(sent[0])
    film.AccessionNumber, film.SOPInstanceUID, film.SeriesInstanceUID = "A-77", "2.25.771", "2.25.772"
    film.StudyInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("2.25.771")
    film.StudyDate = "19990101"
    film.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert storescu(archive.port, tmp_path / "a.dcm", called="ORTHANC") == 0
    query = Query(("CR", "DX"), accessions=("A-77", "B-1"))
    done = fetch(of(archive, way), query, tmp_path / "films", tmp_path / "state")
    assert (done.studies, done.films) == (1, 1)


def test_our_own_objects_are_not_fetched(archive: Orthanc, sent: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    to = archive.destination(send=["sr", "sc", "ko"])
    with Outbox(tmp_path / "state") as outbox:
        outbox.enqueue(sent[0].parent, [row_of(film, film.parent) for film in sent[:1]], to, None, "0.1.0")
    assert deliver(tmp_path / "state", to).sent == 3
    everything = replace(ALL, modalities=("CR", "DX", "OT", "SR", "KO"))
    done = fetch(of(archive, "get"), everything, tmp_path / "films", tmp_path / "state")
    came = list((tmp_path / "films").rglob("*.dcm"))
    assert uids(came) == uids(sent)
    assert done.films == 4


def test_off_peak_hours_end_a_run_and_the_next_one_carries_on(archive: Orthanc, tmp_path: Path) -> None:
    source = replace(of(archive, "get"), hours=(time(22), time(6)))
    hours = iter([5, 5, 7])

    def at(hour: int) -> datetime:
        return datetime(2026, 1, 1, hour, tzinfo=UTC)

    night = fetch(source, ALL, tmp_path / "f", tmp_path / "s", clock=lambda: at(next(hours)))
    assert (night.films, night.left) == (2, 2)
    rest = fetch(source, ALL, tmp_path / "f", tmp_path / "s", clock=lambda: at(23))
    assert (rest.unchanged, rest.films, rest.left) == (2, 2, 0)


def test_a_full_disk_ends_the_run_and_costs_no_film(
    archive: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(module, "replace_bytes", full)
        with pytest.raises(StorageError, match="full"):
            fetch(of(archive, "get"), ALL, tmp_path / "f", tmp_path / "s")
    assert fetch(of(archive, "get"), ALL, tmp_path / "f", tmp_path / "s").films == 4


def test_a_place_that_the_pacs_does_not_know_is_said(archive: Orthanc, tmp_path: Path) -> None:
    source = archive.destination(retrieve="move", move_aet="NOBODY", move_port=free_port())
    done = fetch(source, ALL, tmp_path / "f", tmp_path / "s")
    assert (done.films, done.missing) == (0, 4)
    [reason] = done.reasons
    assert "move" in reason.lower() or "AE title" in reason or "answered" in reason


def test_a_port_that_is_taken_is_said(archive: Orthanc, tmp_path: Path) -> None:
    source = archive.destination(retrieve="move", move_aet="XSCAN-IN", move_port=archive.web)
    with pytest.raises(UsageError, match="in use"):
        fetch(source, ALL, tmp_path / "f", tmp_path / "s")


def test_what_nobody_asked_for_is_refused_on_our_port(archive: Orthanc, sent: list[Path], tmp_path: Path) -> None:
    from xscan.engine.pacs.retrieve import dimse_peer

    source = of(archive, "move")
    with dimse_peer(source, move=True):
        assert storescu(MOVE_PORT, sent[0], called="XSCAN-IN", calling="ORTHANC") != 0
        assert storescu(MOVE_PORT, sent[0], called="XSCAN-IN", calling="STRANGER") != 0


# ---- a DICOMweb server that gives half ---------------------------------------------------------------------

STUDY, SERIES = "2.25.1", "2.25.2"


class Half(http.server.BaseHTTPRequestHandler):
    """Answers of a PACS with faults: `faults` maps a path's ending to what comes."""

    film: bytes = b""
    uid: str = ""
    faults: "ClassVar[dict[str, Callable[[Half], None]]]"
    asked: "ClassVar[list[tuple[str, str]]]"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append((path, self.headers["Accept"]))
        for ending, fault in self.faults.items():
            if path.endswith(ending):
                fault(self)
                return
        if path.endswith("/studies"):
            self.tell([{"0020000D": {"vr": "UI", "Value": [STUDY]}, "00201208": {"vr": "IS", "Value": [1]}}])
        elif path.endswith("/series"):
            row = {"0020000E": SERIES, "00080060": "DX", "00201209": 1}
            self.tell([{tag: {"vr": "UI", "Value": [value]} for tag, value in row.items()}])
        elif path.endswith("/instances"):
            self.tell([{"00080018": {"vr": "UI", "Value": [self.uid]}}])
        else:
            self.give(self.film)

    def tell(self, content: Any) -> None:
        self.answer(json.dumps(content).encode(), "application/dicom+json")

    def give(self, film: bytes) -> None:
        body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + film + b"\r\n--b--\r\n"
        self.answer(body, 'multipart/related; type="application/dicom"; boundary=b')

    def answer(self, body: bytes, kind: str, status: int = 200, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def half(sent: list[Path], **faults: Callable[[Half], None]) -> Iterator[tuple[Destination, type[Half]]]:
    film = pydicom.dcmread(sent[0])
    film.StudyInstanceUID, film.SeriesInstanceUID = STUDY, SERIES
    content = io.BytesIO()
    film.save_as(content, enforce_file_format=True)
    found = {{"film": f"/{film.SOPInstanceUID}"}.get(name, f"/{name}"): fault for name, fault in faults.items()}
    given = {"film": content.getvalue(), "uid": str(film.SOPInstanceUID), "faults": found, "asked": []}
    handler = type("Given", (Half,), given)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
        yield named({"web": {"url": url, "timeout": 10}}, "web", Path()), handler
    finally:
        server.shutdown()
        server.server_close()


def of_half(sent: list[Path], tmp_path: Path, **faults: Callable[[Half], None]) -> Fetched:
    with half(sent, **faults) as (source, _):
        return fetch(source, ALL, tmp_path / "films", tmp_path / "state")


def test_a_sound_answer_is_fetched_and_any_transfer_syntax_is_asked_for(sent: list[Path], tmp_path: Path) -> None:
    with half(sent) as (source, handler):
        assert fetch(source, ALL, tmp_path / "films", tmp_path / "state").films == 1
    accepted = [accept for path, accept in handler.asked if "/instances/" in path]
    assert accepted == ['multipart/related; type="application/dicom"; transfer-syntax=*']


@pytest.mark.parametrize(
    ("fault", "says", "kept"),
    [
        (lambda h: h.answer(b"", "text/plain", 406), "406", 0),
        (lambda h: h.answer(b"", "text/plain", 404), "gone", 0),
        (lambda h: h.give(h.film[: len(h.film) // 2]), "damaged", 1),
        (lambda h: h.give(b"<html>no film</html>"), "damaged", 0),
        (lambda h: h.answer(b"<html>login</html>", "text/html"), "damaged", 0),
    ],
)
def test_half_a_film_is_missing_and_comes_next_time(
    sent: list[Path], tmp_path: Path, fault: Callable[[Half], None], says: str, kept: int
) -> None:
    done = of_half(sent, tmp_path, film=fault)
    assert (done.films, done.missing, done.incomplete) == (0, 1, 1)
    assert any(says in reason for reason in done.reasons), done.reasons
    # What came damaged twice in one way is kept, so that the list says so; it is asked for again all the same.
    assert len(list((tmp_path / "films").rglob("*.dcm"))) == kept
    assert of_half(sent, tmp_path).films == 1


def test_another_film_than_the_one_asked_for_is_not_kept(sent: list[Path], tmp_path: Path) -> None:
    done = of_half(sent, tmp_path, film=lambda h: h.give(sent[1].read_bytes()))
    assert (done.films, done.missing) == (0, 1)
    assert not list((tmp_path / "films").rglob("*.dcm"))


def test_an_answer_that_breaks_off_ends_the_run(sent: list[Path], tmp_path: Path) -> None:
    with pytest.raises(PeerError):
        of_half(sent, tmp_path, film=lambda h: h.answer(b"--b\r\n", "multipart/related; boundary=b", length=10_000))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (lambda h: h.answer(b"<html>login</html>", "text/html"), "no DICOMweb"),
        (lambda h: h.answer(b"", "text/plain", 401), "password or token"),
        (lambda h: h.answer(b"", "text/plain", 403), "the right there"),
        (lambda h: h.answer(b"", "text/plain", 404), "path of url"),
        (lambda h: h.answer(b"patient SECRET", "text/plain", 500), "HTTP 500"),
        (lambda h: h.answer(b'["x", 7, {}]', "application/dicom+json"), ""),
        (lambda h: h.answer(b"{}", "application/dicom+json"), ""),
    ],
)
def test_what_is_no_answer_is_said_in_a_line(
    sent: list[Path], tmp_path: Path, fault: Callable[[Half], None], says: str
) -> None:
    if not says:
        assert of_half(sent, tmp_path, studies=fault).films == 0
        return
    with pytest.raises(PeerError, match=says) as error:
        of_half(sent, tmp_path, studies=fault)
    assert "SECRET" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_redirect_is_not_followed(sent: list[Path], tmp_path: Path) -> None:
    def elsewhere(handler: Half) -> None:
        handler.send_response(302)
        handler.send_header("Location", "http://127.0.0.1:9/login")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with pytest.raises(PeerError, match="elsewhere"):
        of_half(sent, tmp_path, studies=elsewhere)


def test_a_pacs_that_gives_the_same_page_for_ever_is_not_asked_for_ever(
    sent: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PAGE", 5)
    page = [{"0020000D": {"vr": "UI", "Value": [f"2.25.9{n}"]}, "00201208": {"Value": [0]}} for n in range(5)]
    done = of_half(sent, tmp_path, studies=lambda h: h.tell(page), series=lambda h: h.tell([]))
    assert (done.studies, done.films) == (5, 0)


def test_a_study_that_is_still_arriving_comes_again(sent: list[Path], tmp_path: Path) -> None:
    more = {"0020000D": {"vr": "UI", "Value": [STUDY]}, "00201208": {"vr": "IS", "Value": [2]}}
    done = of_half(sent, tmp_path, studies=lambda h: h.tell([more]))
    assert (done.films, done.incomplete) == (1, 1)
    assert any("still arriving" in reason for reason in done.reasons)
    assert of_half(sent, tmp_path).known == 1


@pytest.mark.parametrize("uid", ["../../x", "1.2.840/..", "$(id)", "1" * 80, "", None, 7.5, {"a": 1}])
def test_hostile_uids_are_no_uids(sent: list[Path], tmp_path: Path, uid: Any) -> None:
    bad = {"0020000D": {"vr": "UI", "Value": [uid]}}
    assert of_half(sent, tmp_path, studies=lambda h: h.tell([bad])).studies == (1 if uid == 7.5 else 0)
    assert {path.name for path in tmp_path.iterdir()} <= {"films", "state"}


def test_the_test_of_a_pacs_says_what_works(archive: Orthanc) -> None:
    found = {check.name: check for check in checks(archive.destination(send=["sr", "sc", "ko"]))}
    assert list(found) == [
        *("reach", "C-ECHO", "C-STORE sr", "C-STORE sc", "C-STORE ko", "C-FIND", "C-GET", "QIDO-RS"),
    ]
    assert all(check.well for check in found.values())
    moving = {check.name: check for check in checks(of(archive, "move"))}
    assert moving["C-MOVE"].well


def test_a_host_that_does_not_exist_is_said(tmp_path: Path) -> None:
    nowhere = named({"main": {"aet": "PACS", "host": "no-such-host.invalid"}}, "main", tmp_path)
    with pytest.raises(PeerError, match="there is no host"):
        fetch(nowhere, ALL, tmp_path / "f", tmp_path / "s")


@pytest.mark.parametrize(
    ("more", "check", "says"),
    [
        ({"aet": "ORTHANK"}, "C-ECHO", "not called ORTHANK"),
        ({"port": 1}, "reach", "nothing listens"),
        ({"host": "no-such-host.invalid"}, "reach", "no host"),
        ({"tls": True}, "reach", "TLS"),
        ({"url": "http://127.0.0.1:1/x"}, "QIDO-RS", "cannot be reached"),
    ],
)
def test_the_test_of_a_pacs_names_what_to_mend(archive: Orthanc, more: dict[str, Any], check: str, says: str) -> None:
    found = {one.name: one for one in checks(archive.destination(**more))}
    assert not found[check].well
    assert says in found[check].text
