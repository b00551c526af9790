"""`xscan listen` as a clinic runs it: DCMTK sends, studies settle, the list is the one of a batch."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest

from xscan.engine.lists.table import read_rows

from ...conftest import REAL as REAL_DATA
from ...conftest import Xscan
from .orthanc import orthanc
from .peers import faults_of, films, free_port, run, storescu

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")

#: Transfer syntax: the tool that writes it, what storescu is to propose.
SYNTAXES = {
    "explicit little endian": ("", "-xe"),
    "implicit little endian": ("dcmconv +ti", "-xi"),
    "explicit big endian": ("dcmconv +tb", "-xb"),
    "deflated": ("dcmconv +td", "-xd"),
    "RLE": ("dcmcrle", "-xr"),
    "JPEG lossless": ("dcmcjpeg", "-xs"),
    "JPEG-LS": ("dcmcjpls", "-xt"),
}

#: Real chest films, and what storescu is to propose for each: JPEG 2000, JPEG, implicit little endian.
REAL = {
    "966_fixed.dcm": "-xv",
    "1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm": "-xy",
    "1.3.6.1.4.1.11129.5.5.110503645592756492463169821050252582267888.dcm": "-xi",
}


class Service:
    """A listener's process."""

    def __init__(self, folder: Path, *options: str, config: Path | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.store, self.out = folder / "films", folder / "triage.csv"
        self.said = folder / f"{time.monotonic_ns()}.txt"
        settings = ["--config", str(config)] if config else []
        line = [
            sys.executable,
            "-m",
            "xscan.cli",
            *settings,
            "listen",
            "--port",
            str(self.port),
            "--store",
            str(self.store),
        ]
        line += ["--out", str(self.out), "--json", "-v", "--min-free", "0", "--engine", "compact", *options]
        with self.said.open("ab") as stderr:
            self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=stderr)

    @property
    def told(self) -> str:
        return self.said.read_text(encoding="utf-8")

    def wait(self, happened: Callable[[], bool], seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, self.told
            assert time.monotonic() < deadline, self.told
            time.sleep(0.1)

    def rows(self) -> list[str]:
        return self.out.read_text(encoding="utf-8").splitlines()[1:] if self.out.exists() else []

    def end(self, number: int = signal.SIGTERM) -> dict[str, object]:
        began = time.monotonic()
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, self.told
        assert time.monotonic() - began < 30
        return json.loads(out)


@contextmanager
def service(folder: Path, *options: str, config: Path | None = None) -> Iterator[Service]:
    running = Service(folder, *options, config=config)
    try:
        running.wait(lambda: "listening as" in running.told)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate()


def in_syntaxes(folder: Path, sources: list[Path]) -> dict[str, list[Path]]:
    """Films in all transfer syntaxes in turn, by what storescu is to propose."""
    folder.mkdir()
    made: dict[str, list[Path]] = {}
    for number, source in enumerate(sources):
        encoder, propose = list(SYNTAXES.values())[number % len(SYNTAXES)]
        target = folder / f"{number:03d}.dcm"
        if encoder:
            assert run(*encoder.split(), source, target).returncode == 0
        else:
            shutil.copy(source, target)
        made.setdefault(propose, []).append(target)
    return made


def send(port: int, made: dict[str, list[Path]]) -> None:
    for propose, paths in made.items():
        assert storescu(port, propose, *paths) == 0


def assert_is_a_batchs(xscan: Xscan, running: Service) -> None:
    """The list is, byte for byte, what batch makes of the store."""
    other = running.folder / "batch.csv"
    done = xscan("batch", running.store, "--out", other, "--engine", "compact", "-q")
    assert done.returncode in (0, 3), done.stderr
    assert other.read_bytes() == running.out.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM")
def test_from_the_room_to_the_readers(xscan: Xscan, tmp_path: Path) -> None:
    """Forty drawings in seven transfer syntaxes, one of them late, one twice, and three real films where they are: all
    in the list, and their results in Orthanc. Then on with the same store, until its films are taken away."""
    chest = [REAL_DATA / "dicom" / "chest" / name for name in REAL] if REAL_DATA.is_dir() else []
    sources = films(tmp_path / "drawn", 40)
    late = pydicom.dcmread(sources[1])
    late.StudyInstanceUID = pydicom.dcmread(sources[0]).StudyInstanceUID
    late.save_as(sources[1])
    made = in_syntaxes(tmp_path / "sent", sources)
    second = made["-xi"].pop(0)
    count = len(sources) + len(chest)
    (tmp_path / "orthanc").mkdir()
    with orthanc(tmp_path / "orthanc") as pacs:
        config = tmp_path / "xscan.toml"
        config.write_text(f'[pacs.readers]\naet = "ORTHANC"\nhost = "127.0.0.1"\nport = {pacs.port}\n')
        options = ("--settle", "2", "--secondary-capture", "--send", "readers")
        with service(tmp_path, *options, config=config) as running:
            send(running.port, made)
            for path, propose in zip(chest, REAL.values(), strict=False):
                assert storescu(running.port, propose, path) == 0, path
            running.wait(lambda: f"study {count - 1}: scored" in running.told)
            assert len(running.rows()) == count - 1
            assert all(row.split(",")[1] in ("ok", "review") for row in running.rows())
            assert storescu(running.port, "-xi", second) == 0
            assert storescu(running.port, "-xe", made["-xe"][0]) == 0  # once more
            running.wait(lambda: "study 1: scored, in place of earlier results" in running.told)
            assert len(running.rows()) == count
            running.wait(lambda: pacs.get("statistics")["CountInstances"] == 2 * count)
            said = running.end()
        reports, pictures = pacs.instances("SR"), pacs.instances("OT")
    assert said["studies_scored"] == count
    assert said["superseded"] == 1
    assert said["journal"] == {"films": count, "studies": count - 1, "doubles": 1, "arriving": 0, "waiting": 0}
    assert_says_what_the_list_says(running.out, reports, pictures)
    assert_sound(tmp_path / "objects", [*list(reports.values())[-4:], *list(pictures.values())[-4:]])
    assert_logged(pacs.port, count)
    assert_is_a_batchs(xscan, running)
    if chest:
        assert_as_from_the_disk(xscan, running, chest)
    with service(tmp_path, "--settle", "2", "--keep-days", "0.00001") as running:  # on with the same store
        running.wait(lambda: not running.rows())
        assert running.end(signal.SIGINT)["studies_scored"] == 0
    assert not [path for path in running.store.rglob("*") if path.is_file()]


def assert_says_what_the_list_says(csv: Path, reports: dict[str, bytes], pictures: dict[str, bytes]) -> None:
    """Band, probability and algorithm come back out of each report, by codes alone."""
    with csv.open("rb") as stream:
        rows = {row.sop_uid: row for row in read_rows(stream)}
    assert len(reports) == len(pictures) == len(rows)
    told = {}
    for content in reports.values():
        found = list(coded(pydicom.dcmread(io.BytesIO(content))))
        film = next(
            str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for name, item in found if name == "121112"
        )
        told[film] = (
            next(item.ConceptCodeSequence[0].CodeValue for name, item in found if name == "PRIORITY").lower(),
            next(float(item.MeasuredValueSequence[0].NumericValue) for name, item in found if name == "122157"),
            next(item.TextValue for name, item in found if name == "111001"),
            next(item.TextValue for name, item in found if name == "111003"),
        )
    for uid, row in rows.items():
        assert told[uid] == (
            row.priority,
            pytest.approx(100 * float(row.p_pneumonia), abs=0.006),
            *row.model.split("@"),
        )
    shown = [pydicom.dcmread(io.BytesIO(content)).SourceImageSequence[0] for content in pictures.values()]
    assert {str(item.ReferencedSOPInstanceUID) for item in shown} == rows.keys()


def coded(item: pydicom.Dataset) -> Iterator[tuple[str, pydicom.Dataset]]:
    """All content items of a report with the codes of their names, depth first (PS3.3 C.17.3)."""
    for below in item.get("ContentSequence", []):
        if "ConceptNameCodeSequence" in below:
            yield str(below.ConceptNameCodeSequence[0].CodeValue), below
        yield from coded(below)


def assert_sound(folder: Path, objects: list[bytes]) -> None:
    """No error that dciodvfy finds, but in a value that its film brought; the audit log names those."""
    folder.mkdir()
    log = Path(os.environ["XDG_STATE_HOME"]) / "xscan" / "audit.jsonl"
    told = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    kept = {name.removesuffix(" kept") for line in told for name in line.get("irregular", ())}
    for number, content in enumerate(objects):
        (folder / f"{number}.dcm").write_bytes(content)
        faults = faults_of(folder / f"{number}.dcm")
        assert faults <= kept  # a real film has an accession number of more than 16 letters


def assert_logged(port: int, count: int) -> None:
    """The audit log says what was sent where, and of whom nothing."""
    log = Path(os.environ["XDG_STATE_HOME"]) / "xscan" / "audit.jsonl"
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if f"ORTHANC@127.0.0.1:{port}" in line]
    kinds = [json.loads(line)["kinds"] for line in lines]
    assert {kind: sum(one.get(kind, 0) for one in kinds) for kind in ("sr", "sc")} == {"sr": count, "sc": count}
    assert all(json.loads(line)["pacs"] == "readers" for line in lines)
    assert not [word for word in ("PHANTOM", "2.25.", str(count) + ".dcm") if word in "".join(lines)]


def assert_as_from_the_disk(xscan: Xscan, running: Service, chest: list[Path]) -> None:
    """Real films come through the listener as a batch reads them from the disk."""
    folder = running.folder / "real"
    folder.mkdir()
    for path in chest:
        shutil.copy(path, folder)
    assert xscan("batch", folder, "--out", running.folder / "real.csv", "--engine", "compact").returncode in (0, 3)
    direct, came = (
        {row.split(",")[11]: row.split(",")[1:13] for row in path.read_text(encoding="utf-8").splitlines()[1:]}
        for path in (running.folder / "real.csv", running.out)
    )
    assert direct == {uid: came.get(uid) for uid in direct}


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_killed_and_started_again(xscan: Xscan, tmp_path: Path) -> None:
    """What was answered with success is scored after a kill, and its port is free again."""
    sources = films(tmp_path / "drawn", 4)
    with service(tmp_path, "--settle", "60") as running:
        assert storescu(running.port, *sources[:3]) == 0
        running.process.kill()
        running.process.wait()
    port = running.port
    with service(tmp_path, "--settle", "1", "--port", str(port)) as running:
        assert storescu(port, *sources) == 0
        running.wait(lambda: "study 4: scored" in running.told)
        assert running.end()["journal"] == {"films": 4, "studies": 4, "doubles": 3, "arriving": 0, "waiting": 0}
    assert_is_a_batchs(xscan, running)


def test_two_listeners_with_one_store(xscan: Xscan, tmp_path: Path) -> None:
    with service(tmp_path) as running:
        done = xscan("listen", "--store", running.store, "--out", tmp_path / "other.csv", "--port", free_port())
        assert done.returncode == 2
        assert "another xscan listens with" in done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--aet", "MUCH-TOO-LONG-TITLE"), "is no AE title"),
        (("--bind", "0.0.0.0"), "add --from AET"),
        (("--out", "absent/list.csv"), "does not exist"),
        (("--out", "{date}.csv"), "without {date}"),
        (("--tls-cert", "c.pem"), "all three of --tls-cert, --tls-key and --tls-ca"),
        (("--tls-cert", "c.pem", "--tls-key", "k.pem", "--tls-ca", "a.pem"), "there is no file c.pem"),
        (("--engine", "absent.onnx"), "absent.onnx"),
    ],
)
def test_what_cannot_be_is_one_line(xscan: Xscan, tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    done = xscan("listen", "--port", free_port(), *options, cwd=tmp_path)
    assert done.returncode in (2, 4)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
