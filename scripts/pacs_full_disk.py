"""`xscan listen`, `fetch` and `send` on a disk that is really full, and is made larger each time (Linux, as root).

    python scripts/pacs_full_disk.py [--films 200] [--only listen|fetch|send]

listen: store, state, list and history stand on a small tmpfs; four senders go on until each film was answered with
success. fetch: the folder for the films is on it, then the list of what was fetched. send: the outbox and the audit
log. Orthanc is the PACS. Exit code 0 when nothing was lost or doubled, and every end before the last was said as it is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from listen import PORT, films, sops, until
from listen_kills import looks_good

from tests.engine.pacs.lists import row_of, write_list
from tests.engine.pacs.orthanc import Orthanc, orthanc
from tests.engine.pacs.peers import films as drawn

XSCAN = (sys.executable, "-m", "xscan.cli")


class Disk:
    """A tmpfs of so many KB."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size, self.times = path, size, 0

    def grow(self, kilobytes: int) -> None:
        self.size += kilobytes
        self.times += 1
        subprocess.run(["mount", "-o", f"remount,size={self.size}k", str(self.path)], check=True)


@contextmanager
def disk(path: Path, size: int) -> Iterator[Disk]:
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(path)], check=True)
    try:
        yield Disk(path, size)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--only", choices=["listen", "fetch", "send"])
    options = parser.parse_args()
    good = True
    for what, check in (("listen", listens), ("fetch", fetches), ("send", sends)):
        if options.only in (None, what):
            with tempfile.TemporaryDirectory() as name:
                good &= check(Path(name), options.films)
    sys.exit(0 if good else 1)


def listens(place: Path, count: int) -> bool:
    folders = films(place / "films", count, 4)
    with disk(place / "disk", 1000) as small:
        line = [*XSCAN, "listen", "--port", PORT, "--store", small.path / "store", "--out", small.path / "list.csv"]
        line += ["--min-free", "0", "--engine", "compact", "--settle", "2", "--workers", "1", "--log-file"]
        line += [small.path / "log.txt"]
        told = (place / "told.txt").open("w")
        environment = os.environ | {"XDG_STATE_HOME": str(small.path / "history")}
        listener = subprocess.Popen([str(word) for word in line], stderr=told, env=environment)
        until(lambda: "listening as" in (place / "told.txt").read_text() or listener.poll() is not None)
        answered: list[Path] = []
        answers: dict[str, int] = {}
        senders = [threading.Thread(target=_send, args=(folder, answered, answers), daemon=True) for folder in folders]
        for sender in senders:
            sender.start()
        seen, since = 0, time.monotonic()
        while any(sender.is_alive() for sender in senders):
            time.sleep(0.2)
            if len(answered) > seen:
                seen, since = len(answered), time.monotonic()
            elif time.monotonic() - since > 3:
                small.grow(1000)
                since = time.monotonic()
            if listener.poll() is not None:
                break
        ended = listener.poll()
        small.grow(10_000)  # the list and its history, too
        good = ended is None and looks_good(small.path, answered)
        half = list((small.path / "store.state" / "arriving").iterdir())
        listener.terminate()
        listener.wait(60)
        told.close()
    said = [line for line in (place / "told.txt").read_text().splitlines() if "listening as" not in line]
    print(f"listen: {len(answered)} films answered with success; {small.times} times more room; answers: {answers}")
    print(f"  half-written files: {len(half)}; it ended by itself: {ended is not None}; it told: {_kinds(said)}")
    return good and len(answered) == count and not half and not [line for line in said if "internal error" in line]


def _send(folder: Path, answered: list[Path], answers: dict[str, int]) -> None:
    command = ["storescu", "-v", "-aec", "XSCAN", "-R", "-to", "10", "-td", "20", "127.0.0.1", str(PORT)]
    for film in sorted(folder.iterdir()):
        while True:
            done = subprocess.run([*command, str(film)], capture_output=True, text=True, check=False)
            found = [line for line in (done.stdout + done.stderr).splitlines() if "Received Store Response" in line]
            answer = found[0].partition("(")[2].rstrip(")") if found else "none"
            answers[answer] = answers.get(answer, 0) + 1
            if done.returncode == 0:
                break
            time.sleep(1)
        answered.append(film)


def _kinds(lines: list[str]) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for line in lines:
        kind = line.partition(" (")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


@contextmanager
def _pacs(place: Path) -> Iterator[Orthanc]:
    (place / "orthanc").mkdir()
    with orthanc(place / "orthanc") as pacs:
        (place / "xscan.toml").write_text(f'[pacs.main]\naet = "ORTHANC"\nhost = "127.0.0.1"\nport = {pacs.port}\n')
        yield pacs


def _repeated(
    place: Path, small: Disk, step: int, words: list[object], more: dict[str, str]
) -> tuple[list[int], set[str]]:
    """Run a command until it ends well, with more room each time; its exit codes, and what it said at bad ends."""
    codes, said = [], set()
    for _ in range(200):
        line = [*XSCAN, "--config", place / "xscan.toml", *words]
        done = subprocess.run(
            [str(word) for word in line], capture_output=True, text=True, check=False, env=os.environ | more
        )
        codes.append(done.returncode)
        if done.returncode == 0:
            break
        said.add(done.stderr.strip().splitlines()[-1].replace(str(place), ""))
        small.grow(step)
    return codes, said


def fetches(place: Path, count: int) -> bool:
    paths = drawn(place / "drawn", count)
    good = True
    with _pacs(place) as pacs:
        send = ["storescu", "-aec", "ORTHANC", "127.0.0.1", str(pacs.port), *map(str, paths)]
        subprocess.run(send, check=True, capture_output=True)
        for what in ("films", "state"):
            with disk(place / what, 100 if what == "films" else 8) as small:
                folder, state = place / "films" / "f", place / "state" / "s"
                words = ["fetch", folder, "--from", "main", "--since", "2020-01-01", "--state", state]
                codes, said = _repeated(place, small, 1000 if what == "films" else 4, words, {})
                stored, wanted = sorted(sops(folder)), sorted(sops(place / "drawn"))
                whole = stored == wanted
                print(f"fetch, {what} on the full disk: {len(codes) - 1} bad ends, codes {sorted(set(codes))}, {said}")
                print(f"  {len(stored)} of {len(wanted)} films, each once: {whole}")
                good &= whole and set(codes[:-1]) == {5} and len(said) == 1
            (place / what).rmdir()
            if what == "films":
                subprocess.run(["rm", "-r", place / "state"], check=True)
    return good


def sends(place: Path, count: int) -> bool:
    folder = place / "films"
    paths = drawn(folder, min(count, 40))
    write_list(place / "night.csv", [row_of(film, folder) for film in paths])
    with _pacs(place) as pacs, disk(place / "state", 4) as small:
        words = ["send", place / "night.csv", folder, "--to", "main", "--state", small.path / "s"]
        codes, said = _repeated(place, small, 4, words, {"XDG_STATE_HOME": str(small.path / "history")})
        there = pacs.get("statistics")["CountInstances"]
        sent = {kind: len(pacs.instances(kind)) for kind in ("SR", "OT")}
        ends = f"{len(codes) - 1} bad ends, codes {sorted(set(codes))}, {said}"
        print(f"send, outbox and audit log on the full disk: {ends}")
        print(f"  {there} objects in the PACS ({sent}), of {2 * len(paths)}")
    return there == 2 * len(paths) and set(codes[:-1]) == {5} and len(said) == 1


if __name__ == "__main__":
    main()
