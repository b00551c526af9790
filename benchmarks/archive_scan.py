"""`xscan archive --address local` as a whole: against `xscan batch` on the same cores, and its memory in a long scan.

    python benchmarks/archive_scan.py FILMS --files 20000 --pairs 3 [--engine FILE | --tiny]
    python benchmarks/archive_scan.py FILMS --files 1000000 --tiny --block 256 --place DIR --limit 700

FILMS is a folder of radiographs; it is linked until there are so many files. With --pairs both commands run in turn,
each from scratch. Without, the archive runs alone, and its memory is told over time; it is stopped after --limit
seconds, and the same line carries on from DIR. --tiny: a network that costs next to nothing, so that all else shows.

Processor seconds are those of the command and of all processes below it, Ray's own included, sampled: what a process
does in its last half second is missed. Memory is PSS. Linux.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from folders import spread
from measure import machine, median, note, table
from memory import pss

TICK_S = 0.5
ROLES = ("command", "actors", "workers", "ray")


@dataclass
class Watched:
    """A run as seen from outside, seconds from its start."""

    code: int = 0
    seconds: float = 0.0
    cpu: float = 0.0  #: processor seconds
    first: float = 0.0  #: until the first part was there
    last: float = 0.0  #: until the last
    parts: int = 0
    memory: list[list[float]] = field(default_factory=list)  #: seconds, parts, MB of each role's largest; of ray all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--engine", default="compact")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--block", type=int, default=0)
    parser.add_argument("--place", type=Path, help="kept; without it: a temporary folder")
    parser.add_argument("--limit", type=float, default=1e9)
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two looks at the memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = options.place or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        folder = place / "films"
        if not folder.exists():
            spread(options.films, folder, options.files)
        engine = tiny(place / "tiny.onnx") if options.tiny else options.engine
        environment = os.environ | {"XDG_STATE_HOME": str(place / "state")}
        common = [folder, "--engine", engine, "-q", "--max-failures", "100%"]
        archive = ["archive", *common, "--out", place / "list", "--block", options.block]
        print(machine())
        if options.pairs:
            pairs(options, archive, ["batch", *common, "--out", place / "batch.csv", "--restart"], environment)
            same = (place / "batch.csv").read_bytes() == (place / "list" / "triage.csv").read_bytes()
            print(f"the lists are {'the same' if same else 'NOT THE SAME'}")
            sys.exit(not same)
        done = watched(archive, place / "list", environment, options.limit, options.every)
    scanned = done.last - done.first
    print(table(("seconds", "parts", *(f"{role} MB" for role in ROLES)), done.memory))
    print(
        f"exit code {done.code} after {done.seconds:.0f} s, {done.cpu:.0f} processor s; {done.parts} parts, the first "
        f"after {done.first:.1f} s, the last {scanned:.0f} s later"
    )


def pairs(options: argparse.Namespace, archive: list, batch: list, environment: dict[str, str]) -> None:
    out = archive[archive.index("--out") + 1]
    lines, walls, cpus, after = [], [], [], []
    for number in range(options.pairs):
        order = ("archive", "batch") if number % 2 else ("batch", "archive")
        runs = {
            name: watched([*archive, "--restart"] if name == "archive" else batch, out, environment, options.limit, 1e9)
            for name in order
        }
        for name, run in runs.items():
            note(f"pair {number + 1}: {name}: {run.seconds:.1f} s, {run.cpu:.1f} processor s, exit code {run.code}")
        a, b = runs["archive"], runs["batch"]
        walls.append(b.seconds / a.seconds)
        cpus.append(b.cpu / a.cpu)
        after.append(b.seconds / (a.seconds - a.first))
        lines.append([b.seconds, a.seconds, walls[-1], a.first, after[-1], b.cpu, a.cpu, cpus[-1]])
    lines.append(["median", "", median(walls), "", median(after), "", "", median(cpus)])
    header = ("batch s", "archive s", "rate", "first part s", "rate behind it", "batch cpu s", "archive cpu s", "cpu")
    print(f"{options.files} files; rate: films a second of archive, of batch's; cpu: processor seconds, the same way\n")
    print(table(header, lines))


def tiny(path: Path) -> Path:
    """A network of 32 x 32 pixels and some thousand weights."""
    from tests.calibration.networks import residual

    if not path.exists():
        path.write_bytes(residual().SerializeToString())
    return path


def watched(command: list, out: Path, environment: dict[str, str], limit: float = 1e9, every: float = 30.0) -> Watched:
    """Run the command and look at its processes until it ends; end it after `limit` seconds as Ctrl-C does."""
    done, began, looked = Watched(), time.monotonic(), 0.0
    spent: dict[int, float] = {}
    parts = out / "archive" / "parts"
    line = [str(word) for word in [sys.executable, "-m", "xscan.cli", *command]]
    before = count(parts)
    with subprocess.Popen(line, env=environment) as run:
        while run.poll() is None:
            now = time.monotonic() - began
            below = dict(processes(run.pid))
            for pid, (_, seconds) in below.items():
                spent[pid] = seconds
            number = count(parts)
            before = min(number, before)  # --restart removes them
            if number > before:
                done.first = done.first or now
                done.last = now if number > done.parts else done.last
            done.parts = number
            if now - looked > every:
                looked = now
                done.memory.append([round(now), number, *(round(mb) for mb in memory(below))])
            if now > limit:
                run.send_signal(signal.SIGINT)
                limit = 1e9
            time.sleep(TICK_S)
        done.seconds, done.code, done.cpu = time.monotonic() - began, run.returncode, sum(spent.values())
    return done


def count(parts: Path) -> int:
    try:
        return sum(name.endswith(".parquet") for name in os.listdir(parts))
    except OSError:
        return 0


def memory(below: dict[int, tuple[str, float]]) -> Iterator[float]:
    most: dict[str, float] = dict.fromkeys(ROLES, 0.0)
    for pid, (role, _) in below.items():
        mb = pss(pid)
        most[role] = most[role] + mb if role == "ray" else max(most[role], mb)
    yield from most.values()


def processes(command: int) -> Iterator[tuple[int, tuple[str, float]]]:
    """A command and the processes below it: role, and processor seconds so far."""
    found: dict[int, tuple[int, float]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                words = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(name)] = int(words[1]), (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    for pid, (_, seconds) in found.items():
        above = pid
        while above > 1 and above != command:
            above = found.get(above, (0, 0.0))[0]
        if above == command:
            yield pid, (role(pid, command), seconds)


def role(pid: int, command: int) -> str:
    if pid == command:
        return "command"
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "ray"
    if line.startswith(b"ray::Scanner"):
        return "actors"
    return "workers" if re.search(rb"spawn_main|resource_tracker", line) else "ray"


if __name__ == "__main__":
    main()
