"""Kill `xscan listen` at random moments while films come, start it again, and look for every film (Linux).

    python scripts/listen_kills.py [--kills 100] [--films 2000] [--senders 8] [--who main|receiver|both]

Each sender sends one film after the other and notes those that were answered with success; one that was not is sent
again. At the end each noted film must be in the store, once, and have one row with a score; and the journal must know
all of them as settled and scored. Exit code 0 when that is so.
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from listen import PORT, films, receiver_of, rows_of, sops


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
        senders = [threading.Thread(target=send, args=(folder, answered, tries), daemon=True) for folder in folders]
        for sender in senders:
            sender.start()
        kills = 0
        while any(sender.is_alive() for sender in senders) and kills < options.kills:
            if chance.random() < 0.8:
                listener.wait_open()
                time.sleep(chance.uniform(0, 0.8))
            else:  # while it starts
                time.sleep(chance.uniform(0, 2.0))
            listener.kill(options.who if options.who != "both" else chance.choice(["main", "receiver"]))
            kills += 1
        for sender in senders:
            sender.join()
        print(f"{kills} kills, {len(answered)} films answered with success in {tries[0]} tries", flush=True)
        good = looks_good(place, options.films)
        listener.process.terminate()
        listener.process.wait(600)
    sys.exit(0 if good and kills >= options.kills else 1)


def send(folder: Path, answered: list[Path], tries: list[int]) -> None:
    command = ["storescu", "-aec", "XSCAN", "-R", "-to", "5", "-td", "20", "127.0.0.1", str(PORT)]
    for film in sorted(folder.iterdir()):
        while True:
            tries[0] += 1
            if subprocess.run([*command, str(film)], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.2)
        answered.append(film)


def looks_good(place: Path, count: int) -> bool:
    deadline = time.monotonic() + 1800
    waiting = "SELECT (SELECT count(*) FROM film WHERE settling IS NULL) + count(*) FROM settling WHERE scored IS NULL"
    left = 1
    while left and time.monotonic() < deadline:
        time.sleep(1)
        with sqlite3.connect(place / "store.state" / "journal.sqlite", timeout=30) as db:
            (left,) = db.execute(waiting).fetchone()
            (films,) = db.execute("SELECT count(*) FROM film").fetchone()
    stored, rows = sops(place / "store"), rows_of(place)
    scored = [row["sop_uid"] for row in rows if row["priority"]]
    half = [path for path in (place / "store").rglob("*") if path.is_file() and path.suffix != ".dcm"]
    for what, found in (("in the store", stored), ("scored", scored)):
        print(f"{what}: {len(found)}, distinct {len(set(found))}, of {count}")
    print(f"journal: {films} films, {left} not settled or scored; {len(half)} half-written files in the store")
    return (
        len(stored) == len(set(stored)) == len(scored) == len(set(scored)) == films == count and not left and not half
    )


if __name__ == "__main__":
    main()
