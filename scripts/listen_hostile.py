"""Be a hostile caller of `xscan listen`, one way after the other, and look whether a room's film still comes (Linux).

    python scripts/listen_hostile.py [--times 10000] [--at-once 50] [--rounds 1] [--only WORD]

After each way a film is sent by storescu: how long it takes, and what memory, threads and open files the receiving
process has by then. Exit code 0 when every film was taken and nothing but films is in the store.
"""

import argparse
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import pydicom
import pydicom.config
import pydicom.uid
from listen import PORT, listening, pss, receiver_of
from pynetdicom import AE
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification

from xscan.engine.phantom.files import write_phantoms

RELEASE = struct.pack(">BBII", 5, 0, 4, 0)  #: A-RELEASE-RQ (PS3.8 9.3.6)
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1, help="all ways, so often")
    parser.add_argument("--only", default="", help="the ways that have this word in their name")
    options = parser.parse_args()
    request = _request()
    ways: dict[str, Callable[[int], None]] = {
        "associated, released in order": lambda _: _associated(request, RELEASE, answer=True),
        "associated, then gone without a word": lambda _: _associated(request),
        "connected, then gone": lambda _: _said(b""),
        "half an association request": lambda _: _said(request[: len(request) // 2]),
        "a PDU of 4 GB": lambda _: _associated(request, struct.pack(">BBI", 4, 0, 0xFFFFFFFF) + b"\0" * 1000),
        "what is no DICOM": lambda _: _said(b"GET / HTTP/1.1\r\nHost: ../../etc/passwd\r\n\r\n"),
        "a request with a calling title of odd bytes": lambda _: _said(
            request[:26] + b"\xff\0%n$(id)../\x1b[3" + request[42:]
        ),
    }
    ways = {what: once for what, once in ways.items() if options.only in what}
    with tempfile.TemporaryDirectory() as name, listening(Path(name), "--settle", "900", "--idle", "10") as process:
        place = Path(name)
        receiver = receiver_of(process.pid)
        films = write_phantoms(place / "films", options.rounds * len(ways) + 3, rows=160, columns=200, format="dicom")
        good = _film(films.pop(), "before", receiver)
        for what, once in [*ways.items()] * options.rounds:
            began = time.monotonic()
            with ThreadPoolExecutor(options.at_once) as callers:
                list(callers.map(once, range(options.times)))
            print(f"{options.times} times {what}: {time.monotonic() - began:.0f} s", flush=True)
            good &= _film(films.pop(), "then", receiver)
        silent = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(500)]
        print("500 connections at once that say nothing", flush=True)
        time.sleep(12)  # --idle ends them
        good &= _film(films.pop(), "then", receiver)
        for one in silent:
            one.close()
        for uid in ("../../../../tmp/x", "/etc/passwd", "..", "1.2/../3", "C:\\x", "%n%s", "1" * 64):
            good &= _with_uid(films[0], place / "odd.dcm", uid)
        stored = [path for path in (place / "store").rglob("*") if path.is_file()]
        print(f"{len(stored)} files in the store, all of its own naming: {all(_is_ours(path) for path in stored)}")
        good &= all(_is_ours(path) for path in stored)
    sys.exit(0 if good else 1)


def _request() -> bytes:
    """An A-ASSOCIATE-RQ for digital radiographs (PS3.8 9.3.2)."""
    ae = AE(ae_title="ROOM")
    ae.add_requested_context(DX)
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = "ROOM", "XSCAN"
    contexts = ae.requested_contexts
    contexts[0].context_id = 1
    primitive.presentation_context_definition_list = contexts
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16382
    implementation.implementation_class_uid = pydicom.uid.UID("1.2.826.0.1.3680043.9.3811.3.0.4")
    primitive.user_information = [length, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)
    return pdu.encode()


def _said(content: bytes) -> None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 30) as connection:
        connection.sendall(content)


def _associated(request: bytes, content: bytes = b"", *, answer: bool = False) -> None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 30) as connection:
        connection.sendall(request)
        connection.recv(10_000)
        connection.sendall(content)
        if answer:
            connection.recv(10_000)


def _film(film: Path, when: str, receiver: int) -> bool:
    """A room that tries again for a while, as rooms do."""
    began = time.monotonic()
    while (taken := _sent(film)) is False and time.monotonic() - began < 60:
        time.sleep(0.5)
    threads = len(list(Path(f"/proc/{receiver}/task").iterdir()))
    files = len(list(Path(f"/proc/{receiver}/fd").iterdir()))
    print(
        f"  {when}: a film {'taken' if taken else 'NOT TAKEN'} in {time.monotonic() - began:.1f} s; receiver: "
        f"{pss(receiver):.0f} MB, {threads} threads, {files} open files",
        flush=True,
    )
    return taken


def _sent(film: Path) -> bool:
    line = ["storescu", "-aec", "XSCAN", "-aet", "ROOM", "-to", "10", "127.0.0.1", str(PORT), str(film)]
    return subprocess.run(line, capture_output=True, check=False).returncode == 0


def _with_uid(film: Path, target: Path, uid: str) -> bool:
    """Whether a film with this for its UIDs is answered at all, or refused by the sender's own tool."""
    with pydicom.config.disable_value_validation():
        data = pydicom.dcmread(film)
        data.SOPInstanceUID = data.StudyInstanceUID = uid
        data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(uid)
        data.save_as(target)
    taken = _sent(target)
    print(f"UIDs of {uid!r}: {'taken' if taken else 'refused'}", flush=True)
    return _sent(film)


def _is_ours(path: Path) -> bool:
    day, study, name = path.parts[-3:]
    return len(day) == 10 and set(study + name.removesuffix(".dcm")) <= set("0123456789abcdef")


if __name__ == "__main__":
    main()
