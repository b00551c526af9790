"""Kill `xscan batch` at random moments, resume it each time, and compare the list with an undisturbed run's.

    python scripts/kill_test.py FILMS --signal KILL --kills 200 --files 2000 [--engine FILE]
    python scripts/kill_test.py FILMS --who worker --kills 40 --report
    python scripts/kill_test.py FILMS --full --files 2000     # as root: the output stands on a disk that fills up

After each list that was finished the history is held against it: the same films with the same band and score, the last
run's counts those of the list, no run twice at once.

FILMS is a folder of radiographs (`xscan phantom films --count 24` makes one); it is linked or copied until
there are --files of them. Exit code 0 when every list was byte-identical and the history agreed.
"""

import argparse
import contextlib
import os
import random
import re
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
    parser.add_argument("--who", choices=["main", "worker"], default="main", help="the process that is killed")
    parser.add_argument("--report", action="store_true", help="with the page, parquet and jsonl, compared, too")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--engine", default="")
    parser.add_argument("--until", type=float, default=1 / 3, help="of an undisturbed run's time: the latest kill")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        os.environ["XDG_STATE_HOME"] = str(root / "state")  # a history of its own, not that of whoever runs this
        folder = spread(options.films, root / "films", options.files)
        command = [sys.executable, "-m", "xscan.cli", "batch", str(folder), "-q"]
        command += ["--engine", options.engine] if options.engine else []
        command += ["--report", "--format", "jsonl", "--format", "parquet"] if options.report else []
        started = time.monotonic()
        subprocess.run([*command, "--out", str(root / "whole.csv")], check=True)
        seconds = time.monotonic() - started
        whole = outputs(root / "whole.csv")
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


def outputs(out: Path) -> dict[str, object]:
    """All that a run left, by suffix; the page without the time it was made and its list's name."""
    found: dict[str, object] = {".csv": out.read_bytes()}
    for suffix in (".jsonl", ".html"):
        for path in (out.with_suffix(suffix), out.with_name(out.name + suffix)):
            if path.exists():
                text = re.sub(rb'"(made|since)": ?"[^"]*"', b"", path.read_bytes())
                found[suffix] = re.sub(rb"sha256-[A-Za-z0-9+/=]+", b"", text.replace(out.name.encode(), b"NAME"))
    if out.with_suffix(".parquet").exists():
        import pyarrow.parquet

        found[".parquet"] = pyarrow.parquet.read_table(out.with_suffix(".parquet")).to_pylist()
    return found


def history_fault(out: Path, state: Path) -> str:
    """What the history says otherwise than the finished list; empty where they agree."""
    from contextlib import closing

    from xscan.engine.lists.table import read_rows
    from xscan.engine.nights.database import open_history
    from xscan.engine.nights.look_back import runs

    with out.open("rb") as stream:
        rows = list(read_rows(stream))
    listed = sorted((r.status, r.code, r.priority, float(r.p_pneumonia or -1), r.sop_uid) for r in rows)
    with closing(open_history(state)) as history:
        query = "SELECT status, code, band, coalesce(score, -1), sop_uid FROM film"
        if sorted(history.execute(query).fetchall()) != listed:
            return "the films of the history are not those of the list"
        if history.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            return "the history is damaged"
    last = runs(state)[-1]
    if (last.state, last.facts.get("files")) != ("finished", len(rows)):
        return f"the last run of the history is {last.state} with {last.facts.get('files')} files, not {len(rows)}"
    open_runs = sum(run.state == "running" for run in runs(state))
    return f"{open_runs} runs still go on" if open_runs else ""


def workers_of(parent: int) -> list[int]:
    """The worker processes of a run, shuffled (Linux)."""
    found = []
    for line in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{line}/cmdline").read_bytes():
                found.append(int(line))
    random.shuffle(found)
    return found


def kill(command: list[str], root: Path, whole: dict[str, object], seconds: float, options: argparse.Namespace) -> bool:
    """Kill at random moments; a run that ends by itself is compared and started over, until all kills are spent."""
    rng = random.Random(options.seed)
    kills = finished = wrong = 0
    out = root / "list.csv"
    while kills < options.kills or finished == 0:
        with subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.DEVNULL) as run:
            try:
                # Half of the kills within start-up and resuming, the rest anywhere.
                run.wait(rng.uniform(0.05, 1.5) if rng.random() < 0.5 else rng.uniform(0.5, seconds * options.until))
            except subprocess.TimeoutExpired:
                if kills < options.kills:
                    killed = [run.pid] if options.who == "main" else workers_of(run.pid)[:1]
                    for pid in killed:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, getattr(signal, f"SIG{options.signal}"))
                    kills += len(killed)
            code = run.wait()
        if code == 0:
            finished += 1
            made = outputs(out)
            different = [name for name in whole if made.get(name) != whole[name]]
            if different:
                print(f"after {kills} kills: {', '.join(different)} differ", flush=True)
            if fault := history_fault(out, root / "state" / "xscan"):
                print(f"after {kills} kills: {fault}", flush=True)
            wrong += bool(different or fault)
            if finished % 5 == 0:  # a study that is cut short still says what it saw
                print(f"{kills} kills, {finished} lists finished, {wrong} of them wrong", flush=True)
            for path in root.glob("list*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif code not in (-signal.SIGKILL, -signal.SIGTERM, 130):
            print(f"unexpected exit code {code} after {kills} kills", flush=True)
            wrong += 1
    print(f"{kills} x SIG{options.signal} to a {options.who} process, {finished} lists finished, {wrong} of them wrong")
    return wrong == 0


def fill_up(command: list[str], root: Path, whole: dict[str, object]) -> bool:
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
        same = codes[-1] == 0 and outputs(out)[".csv"] == whole[".csv"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    print(f"exit codes {codes}: the list is {'the same' if same else 'WRONG'}")
    return same and set(codes[:-1]) == {5}


if __name__ == "__main__":
    main()
