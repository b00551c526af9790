"""Kill `xscan listen` at random moments while films come, start it again, and look for every film (Linux).

    python scripts/listen_kills.py [--kills 100] [--films 2000] [--senders 8] [--who main|receiver|both]

Each sender sends one film after the other and notes those that were answered with success; one that was not is sent
again. The films are shared out over the kills, so that some come before each. At the end each noted film must be in
the store, once, and have one row with a score; and the journal must know all of them as settled and scored. Exit code 0
when that is so.
"""

import argparse
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import pydicom
from listen import PORT, films, receiver_of, rows_of, sops


class Pace:
    """Lets films go as kills are done: of each sender's so many for each kill."""

    def __init__(self, kills: int) -> None:
        self._kills = kills
        self._done = 0
        self._changed = threading.Condition()

    def killed(self) -> None:
        with self._changed:
            self._done += 1
            self._changed.notify_all()

    def wait(self, number: int, films: int) -> None:
        """Until film `number`, from 0, of so many may go."""
        with self._changed:
            self._changed.wait_for(lambda: self._done >= self._kills or number < films * (self._done + 1) / self._kills)


class Listener:
    """The listener's process: killed and started again."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.start()

    def start(self) -> None:
        line = [sys.executable, "-m", "xscan.cli", "listen", "--port", PORT, "--store", self.place / "store", "-q"]
        line += [
            "--out",
            self.place / "list.csv",
            "--min-free",
            "0",
            "--engine",
            "compact",
            "--settle",
            "2",
            "--workers",
            "1",
        ]
        self.process = subprocess.Popen([str(word) for word in line])

    def wait_open(self) -> None:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", PORT), 1).close()
                return
            except OSError:
                time.sleep(0.02)

    def kill(self, who: str) -> None:
        number = self.process.pid
        if who == "receiver":
            try:
                number = receiver_of(number)
            except (OSError, StopIteration):
                pass  # none is started yet
        os.kill(number, signal.SIGKILL)
        self.process.wait(600)  # without its receiver it ends by itself, on a busy machine late
        self.start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--films", type=int, default=2000)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--who", choices=["main", "receiver", "both"], default="both")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folders = films(place / "films", options.films, options.senders)
        listener = Listener(place)
        answered: list[Path] = []
        tries = [0]
        pace = Pace(options.kills)
        senders = [
            threading.Thread(target=send, args=(folder, answered, tries, pace), daemon=True) for folder in folders
        ]
        for sender in senders:
            sender.start()
        kills = 0
        began = time.monotonic()
        while kills < options.kills:
            if chance.random() < 0.8:  # while films come
                listener.wait_open()
                wanted = len(answered) + chance.randint(0, options.films // options.kills)
                wait_for(lambda wanted=wanted: len(answered) >= wanted, 10)
                time.sleep(chance.uniform(0, 0.2))
            else:  # while it starts
                time.sleep(chance.uniform(0, 2.0))
            listener.kill(options.who if options.who != "both" else chance.choice(["main", "receiver"]))
            kills += 1
            pace.killed()
            if kills % 10 == 0:
                print(f"{kills} kills, {len(answered)} films, {time.monotonic() - began:.0f} s", flush=True)
        for sender in senders:
            sender.join()
        print(f"{kills} kills, {len(answered)} films answered with success in {tries[0]} tries", flush=True)
        good = looks_good(place, answered)
        listener.process.terminate()
        listener.process.wait(600)
    sys.exit(0 if good and len(answered) == options.films else 1)


def wait_for(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)


def send(folder: Path, answered: list[Path], tries: list[int], pace: Pace) -> None:
    command = ["storescu", "-aec", "XSCAN", "-R", "-to", "5", "-td", "20", "127.0.0.1", str(PORT)]
    paths = sorted(folder.iterdir())
    for number, film in enumerate(paths):
        pace.wait(number, len(paths))
        while True:
            tries[0] += 1
            if subprocess.run([*command, str(film)], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(1)
        answered.append(film)


def looks_good(place: Path, answered: list[Path]) -> bool:
    deadline = time.monotonic() + 1800
    waiting = "SELECT (SELECT count(*) FROM film WHERE settling IS NULL) + count(*) FROM settling WHERE scored IS NULL"
    left, films = 1, 0
    while left and time.monotonic() < deadline:
        time.sleep(1)
        with sqlite3.connect(place / "store.state" / "journal.sqlite", timeout=30) as db:
            (left,) = db.execute(waiting).fetchone()
            (films,) = db.execute("SELECT count(*) FROM film").fetchone()
    stored, rows = sops(place / "store"), rows_of(place)
    scored = [row["sop_uid"] for row in rows if row["priority"]]
    half = [path for path in (place / "store").rglob("*") if path.is_file() and path.suffix != ".dcm"]
    wanted = sorted(str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in answered)
    for what, found in (("in the store", stored), ("scored", scored)):
        print(f"{what}: {len(found)}, distinct {len(set(found))}, of {len(wanted)}")
    print(f"journal: {films} films, {left} not settled or scored; {len(half)} half-written files in the store")
    return sorted(stored) == sorted(scored) == wanted and films == len(wanted) and not left and not half


if __name__ == "__main__":
    main()
