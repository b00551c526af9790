"""Real peers of Debian's for the tests: DCMTK's tools, Orthanc, dicom3tools, started on loopback with free ports."""

import os
import re
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PACKAGES = {
    "Orthanc": "orthanc",
    "orthanc-dicomweb": "orthanc-dicomweb",
    "dciodvfy": "dicom3tools",
}  #: all else is dcmtk's


def need(*programs: str) -> None:
    """Skip the test where a program is missing; with CI=true it fails, for `.ci/run` installs them all."""
    for name in programs:
        if shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
            says = f"no {name} here: apt-get install {_PACKAGES.get(name, 'dcmtk')}"
            if os.environ.get("CI") == "true":
                pytest.fail(says)
            pytest.skip(says)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, seconds: float = 20) -> None:
    """Wait until something listens on a port of this machine."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def run(*words: object, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    need(str(words[0]))
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
        check=False,
    )


def faults_of(file: Path) -> set[str]:
    """The elements that dciodvfy finds errors in, by keyword; of an error that names none, its line."""
    from pydicom.datadict import keyword_for_tag

    told = run("dciodvfy", file)
    lines = [line for line in (told.stderr + told.stdout).splitlines() if line.startswith("Error")]
    found = set()
    for line in lines:
        if tag := re.search(r"\(0x([0-9a-f]{4}),0x([0-9a-f]{4})\)", line):
            found.add(keyword_for_tag(int(tag[1] + tag[2], 16)))
        elif element := re.search(r"(?:Element|attribute )=?<(\w+)>", line):
            found.add(element[1])
        elif not (found and line.endswith("invalid data values for Value Representations")):  # their sum
            found.add(line)
    return found


def storescu(port: int, *words: object, called: str = "XSCAN", calling: str = "ROOM") -> int:
    """DCMTK's sender; returns its exit code, which is 0 only if every film was answered with success."""
    return run("storescu", "-aet", calling, "-aec", called, "-to", 10, "127.0.0.1", port, *words).returncode


@contextmanager
def started(*words: object, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A peer that is ended with the block, once it listens on `port`."""
    need(str(words[0]))
    process = subprocess.Popen(
        [str(word) for word in words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"},
    )
    try:
        answers(port)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def films(folder: Path, count: int, seed: int = 7) -> list[Path]:
    """Small phantom films as DICOM, a study each."""
    from xscan.engine.phantom.files import write_phantoms

    return write_phantoms(folder, count, seed, rows=160, columns=200, format="dicom")


def hostile(film: Path, target: Path, **values: str) -> None:
    """A copy of a film with values that no standard allows, each with the word SECRET; `values` on top of them."""
    import pydicom.config
    import pydicom.datadict

    with pydicom.config.disable_value_validation():
        data = pydicom.dcmread(film)
        made_up = {
            "SpecificCharacterSet": "ISO_IR SECRET",
            "AccessionNumber": "SECRET number of an accession, too long",
            "StudyID": "SECRET, and too long for a study",
            "StudyDescription": "SECRET\r\nWARNING: SECRET",
            "StudyDate": "SECRET",
            "StudyTime": "SECRET",
            "PatientBirthDate": "SECRET",
            "PatientSex": "SECRET\x1b[31m",
            "PatientName": "SECRET=SECRET=SECRET=SECRET^^^^^^^^^",
            "PatientID": "SECRET" * 20,
            "ReferringPhysicianName": "SECRET" * 60,
            "LossyImageCompression": "SECRET",
            "PatientOrientation": "SECRET",
        }
        for keyword, value in (made_up | values).items():
            vr = pydicom.datadict.dictionary_VR(keyword)
            data[keyword] = pydicom.DataElement(keyword, vr, value, validation_mode=pydicom.config.IGNORE)
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data.save_as(target)
