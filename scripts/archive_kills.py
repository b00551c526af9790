"""Kill `xscan archive` at random moments, its driver and its actors, resume it, and compare with a batch's list.

    python scripts/archive_kills.py FILMS... --kills 50 --files 6000 [--engine FILE] [--actor-cpus 0.4] [--seed 0]

FILMS are folders of radiographs (scripts/archive_trial.py adds damaged ones and a zip). Half of the kills are of the
command itself (SIGKILL), the others of an actor, or of a worker process below one. Exit code 0 when the kills were done
and the list was the batch's, byte for byte, with one row a file. A run that ends with code 5 says why, and the same
command follows, as a person would do. Linux.
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

from archive_trial import Trial, parser

LOST = 10  #: runs that may end with code 5


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--kills", type=int, default=50)
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--actor-cpus", type=float, default=0.4)
    made.add_argument("--seed", type=int, default=0)
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        trial = Trial(root, options)
        same = kill(trial, root / "said", options)
    sys.exit(0 if same else 1)


def kill(trial: Trial, said: Path, options: argparse.Namespace) -> bool:
    """Kill while there are kills left; a run that ends by itself ends the trial."""
    command = trial.command("--workers", options.workers, "--actor-cpus", options.actor_cpus)
    rng = random.Random(options.seed)
    killed = {"driver": 0, "actor": 0}
    runs, code, lost, began = 0, -1, 0, time.monotonic()
    while code < 0 or (code == 5 and lost < LOST):
        runs += 1
        with said.open("w") as errors, subprocess.Popen(command, stderr=errors, env=trial.environment) as run:
            while run.poll() is None and sum(killed.values()) < options.kills:
                wanted = trial.parts + rng.randint(0, 3)  # a moment within the next few blocks
                while run.poll() is None and trial.parts < wanted:
                    time.sleep(0.01)
                time.sleep(rng.uniform(0, 0.3))
                found = actors_of(run.pid)
                drivers_left = options.kills // 2 - killed["driver"]
                if run.poll() is None and drivers_left and (rng.random() < 0.5 or not found):
                    run.kill()
                    killed["driver"] += 1
                elif found and options.kills - options.kills // 2 > killed["actor"]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(rng.choice(found), signal.SIGKILL)
                        killed["actor"] += 1
            code = run.wait()
        lost += code == 5
        says = said.read_text().strip().splitlines()[-1:] if code not in (0, -signal.SIGKILL) else []
        seconds = time.monotonic() - began
        print(f"{seconds:.0f} s, run {runs}: exit code {code}, {trial.parts} parts, kills {killed}", *says, flush=True)
    return trial.is_same() and code == 0 and sum(killed.values()) == options.kills


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
