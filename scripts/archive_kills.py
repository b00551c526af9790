"""Kill `xscan archive` at random moments, its driver and its actors, resume it, and compare with a batch's list.

    python scripts/archive_kills.py FILMS --kills 50 --files 2000 [--engine FILE] [--workers 2] [--actor-cpus 0.4]

FILMS is a folder of radiographs (`xscan phantom films --count 24` makes one); it is linked until there are --files of
them. Every other kill is the command itself (SIGKILL), the others an actor with what is below it. Exit code 0 when the
list was the batch's, byte for byte, with one row a file. Linux.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kill_test import spread

LOST = 10  #: runs that may end because a busy machine does not start Ray in time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--engine", default="compact")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--actor-cpus", type=float, default=0.4)
    parser.add_argument("--block", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        folder = spread(options.films, root / "films", options.files)
        xscan = [sys.executable, "-m", "xscan.cli"]
        shared = ["--engine", options.engine, "--workers", str(options.workers), "-q", "--max-failures", "100%"]
        subprocess.run([*xscan, "batch", str(folder), "--out", str(root / "whole.csv"), *shared], check=True)
        command = [*xscan, "archive", str(folder), "--out", str(root / "place"), *shared]
        command += ["--actor-cpus", str(options.actor_cpus), "--block", str(options.block)]
        same = kill(command, root, options)
    sys.exit(0 if same else 1)


def kill(command: list[str], root: Path, options: argparse.Namespace) -> bool:
    """Kill while there are kills left; a run that ends by itself ends the trial."""
    rng = random.Random(options.seed)
    killed = {"driver": 0, "actor": 0}
    runs, code, lost = 0, -1, 0
    while code < 0 or (code == 5 and lost < LOST):  # 5: the cluster does not start, or is gone; the same command again
        runs += 1
        with (
            open(root / "said", "w+") as said,
            subprocess.Popen(command, stderr=said, env=os.environ | {"TMPDIR": str(root)}) as run,
        ):
            while run.poll() is None and sum(killed.values()) < options.kills:
                wanted = parts(root) + rng.randint(0, 3)  # a moment within the next few blocks
                while run.poll() is None and parts(root) < wanted:
                    time.sleep(0.01)
                time.sleep(rng.uniform(0, 0.3))
                found = actors_of(run.pid)
                if run.poll() is None and killed["driver"] < options.kills // 2 and (rng.random() < 0.5 or not found):
                    run.kill()
                    killed["driver"] += 1
                elif found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(rng.choice(found), signal.SIGKILL)
                        killed["actor"] += 1
            code = run.wait()
        lost += code == 5
        says = (root / "said").read_text().strip().splitlines()[-1:] if code == 5 else []
        print(f"run {runs}: exit code {code}, {parts(root)} parts, kills {killed}", *says, flush=True)
    whole, made = ((root / name).read_bytes() for name in ("whole.csv", "place/triage.csv"))
    print(f"{killed} in {runs} runs: the list of {options.files} files is {'the same' if made == whole else 'WRONG'}")
    return made == whole and code == 0


def parts(root: Path) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(root / "place" / "archive" / "parts"))
    return 0


def actors_of(driver: int) -> list[int]:
    """Actors, and the worker processes that read films for them, below a command."""
    parents, lines = {}, {}
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError):
                parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                lines[int(process.name)] = (process / "cmdline").read_bytes()

    def is_below(pid: int) -> bool:
        while pid > 1:
            if pid == driver:
                return True
            pid = parents.get(pid, 0)
        return False

    return [
        pid
        for pid, line in lines.items()
        if is_below(pid) and (line.startswith(b"ray::Scanner") or b"spawn_main" in line)
    ]


if __name__ == "__main__":
    main()
