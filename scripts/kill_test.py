"""Kill `xscan batch` at random moments, resume it each time, and compare the list with an undisturbed run's.

    python scripts/kill_test.py FILMS --signal KILL --kills 200 --files 2000 [--engine FILE]
    python scripts/kill_test.py FILMS --full --files 2000     # as root: the output stands on a disk that fills up

FILMS is a folder of radiographs (`xscan phantom films --count 24` makes one); it is linked or copied until
there are --files of them. Exit code 0 when every list was byte-identical.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--signal", choices=["KILL", "TERM"], default="KILL")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--engine", default="")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        folder = spread(options.films, root / "films", options.files)
        command = [sys.executable, "-m", "xscan.cli", "batch", str(folder), "-q"]
        command += ["--engine", options.engine] if options.engine else []
        started = time.monotonic()
        subprocess.run([*command, "--out", str(root / "whole.csv")], check=True)
        seconds = time.monotonic() - started
        whole = (root / "whole.csv").read_bytes()
        print(f"{options.files} files, undisturbed run {seconds:.1f} s", flush=True)
        same = fill_up(command, root, whole) if options.full else kill(command, root, whole, seconds, options)
    sys.exit(0 if same else 1)


def spread(films: Path, folder: Path, count: int) -> Path:
    """`count` hard links to the films, in sub-folders of a hundred."""
    sources = sorted(path for path in films.rglob("*") if path.is_file())
    for i in range(count):
        target = folder / f"{i // 100:04d}" / f"{i:06d}-{sources[i % len(sources)].name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(sources[i % len(sources)], target)
        except OSError:
            shutil.copy(sources[i % len(sources)], target)
    return folder


def kill(command: list[str], root: Path, whole: bytes, seconds: float, options: argparse.Namespace) -> bool:
    """Kill at random moments; a run that ends by itself is compared and started over, until all kills are spent."""
    rng = random.Random(options.seed)
    kills = finished = wrong = 0
    out = root / "list.csv"
    while kills < options.kills or finished == 0:
        with subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.DEVNULL) as run:
            try:
                # Half of the kills within start-up and resuming, the rest anywhere.
                run.wait(rng.uniform(0.05, 1.5) if rng.random() < 0.5 else rng.uniform(0.5, seconds / 3))
            except subprocess.TimeoutExpired:
                if kills < options.kills:
                    run.send_signal(getattr(signal, f"SIG{options.signal}"))
                    kills += 1
            code = run.wait()
        if code == 0:
            finished += 1
            wrong += out.read_bytes() != whole
            for path in root.glob("list*"):
                path.unlink()
        elif code not in (-signal.SIGKILL, -signal.SIGTERM, 130):
            print(f"unexpected exit code {code} after {kills} kills", flush=True)
            wrong += 1
    print(f"{kills} x SIG{options.signal}, {finished} lists finished, {wrong} of them wrong")
    return wrong == 0


def fill_up(command: list[str], root: Path, whole: bytes) -> bool:
    """The output stands on a small tmpfs that fills up; it is enlarged after each failure."""
    disk = root / "disk"
    disk.mkdir()
    kilobytes = 64
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)], check=True)
    codes = []
    try:
        out = disk / "list.csv"
        for _ in range(40):
            codes.append(subprocess.run([*command, "--out", str(out)], check=False).returncode)
            if codes[-1] == 0:
                break
            kilobytes += 64
            subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(disk)], check=True)
        same = codes[-1] == 0 and out.read_bytes() == whole
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    print(f"exit codes {codes}: the list is {'the same' if same else 'WRONG'}")
    return same and set(codes[:-1]) == {5}


if __name__ == "__main__":
    main()
