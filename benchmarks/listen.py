"""`xscan listen` under load beside DCMTK's storescp: rate, memory, and whether each film is there once (Linux).

    python benchmarks/listen.py [--films 2000] [--senders 8] [--rounds 2] [--case NAME ...]

Phantoms of 200 x 160 pixels, four to a study, sent by so many storescu at once. storescp takes one association after
the other, or with --fork each in a process of its own; it brings nothing to the disk (fsync) before it answers.
"""

import argparse
import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from measure import SCRATCH, Run, in_turn, median, note, quiet_note, table, write
from pydicom.uid import generate_uid

from xscan.engine.phantom.files import write_phantoms

PORT = 11199
A_STUDY = 4  #: films
FORK, LISTEN, SCORING = "storescp --fork", "xscan listen", "xscan listen, scoring meanwhile"
CASES = ("storescp", FORK, LISTEN, SCORING)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=2000)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be given again")
    options = parser.parse_args()
    cases = options.case or CASES
    folders = films(SCRATCH / "listen" / "films", options.films, options.senders)
    place = SCRATCH / "listen"
    memory: list[tuple[float, float]] = []

    def measure(case: str) -> Run:
        clear(place)
        if case.startswith("storescp"):
            (place / "store").mkdir()
            command = [*case.split(), "-aet", "XSCAN", "-od", place / "store", str(PORT)]
            with running(command) as process:
                done = send(folders, process.pid)
            got = len(list((place / "store").iterdir()))
        else:
            settle = ("--settle", "3") if case == SCORING else ("--settle", "900")
            with listening(place, *settle) as process:
                memory.clear()
                done = send(folders, receiver_of(process.pid), memory)
                if case == SCORING:
                    wait_scored(place, options.films)
                    once(place, options.films)
            got = len(sops(place / "store"))
        if got != options.films:
            sys.exit(f"{case}: {got} of {options.films} films are there")
        return done

    runs = in_turn(cases, measure, options.rounds)
    rows = []
    for case, done in runs.items():
        seconds = median(one.seconds for one in done)
        beside = seconds / median(one.seconds for one in runs.get(FORK, done))
        rows.append(
            (case, f"{options.films / seconds:.0f}", f"{median(one.cpu for one in done):.1f}", f"{1 / beside:.2f}")
        )
    every = max(1, len(memory) // 5)
    kept = [memory[at] for at in range(0, len(memory), every)] + memory[-1:]
    all_runs = [one for done in runs.values() for one in done]
    write(
        "listen",
        "Receiving",
        [
            f"{options.films} films, {options.senders} senders at once, median of {options.rounds} rounds.",
            table(("", "films/s", "receiver's CPU s", "of storescp --fork"), rows),
            "Every film was there once" + (", and had one row in the list." if SCORING in runs else "."),
            "Memory of the receiving process, PSS in MB, by seconds since the first film: "
            + ", ".join(f"{at:.0f} s {size:.0f}" for at, size in kept),
            quiet_note(all_runs),
        ],
    )


def films(folder: Path, count: int, senders: int) -> list[Path]:
    """`count` films of their own UIDs, four to a study, in a folder for each sender."""
    folders = [folder / f"{count}-{sender}-of-{senders}" for sender in range(senders)]
    if all(one.is_dir() for one in folders):
        return folders
    shutil.rmtree(folder, ignore_errors=True)
    drawn = [
        pydicom.dcmread(path) for path in write_phantoms(folder / "drawn", 8, rows=160, columns=200, format="dicom")
    ]
    for one in folders:
        one.mkdir()
    for number in range(count):
        film = drawn[number % len(drawn)]
        film.SOPInstanceUID = generate_uid(entropy_srcs=["film", str(number)])
        film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
        study = number // A_STUDY
        film.StudyInstanceUID = generate_uid(entropy_srcs=["study", str(study)])
        film.SeriesInstanceUID = generate_uid(entropy_srcs=["series", str(study)])
        film.save_as(folders[study % senders] / f"{number:06d}.dcm")
    shutil.rmtree(folder / "drawn")
    return folders


def clear(place: Path) -> None:
    for name in ("store", "store.state"):
        shutil.rmtree(place / name, ignore_errors=True)
    for path in place.glob("list.csv*"):
        path.unlink()


@contextmanager
def running(command: list[object]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(
            lambda: (
                subprocess.run(
                    ["echoscu", "-aec", "XSCAN", "127.0.0.1", str(PORT)], capture_output=True, check=False
                ).returncode
                == 0
            )
        )
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def listening(place: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    command: list[object] = [sys.executable, "-m", "xscan.cli", "listen", "--port", PORT, "--store", place / "store"]
    command += ["--out", place / "list.csv", "--min-free", "0", "--engine", "compact", *options]
    with running(command) as process:
        yield process


def send(folders: list[Path], receiver: int, memory: list[tuple[float, float]] | None = None) -> Run:
    """One storescu for each folder, all at once."""
    command = ["storescu", "-aec", "XSCAN", "-R", "+sd", "127.0.0.1", str(PORT)]
    busy, began = cpu(), time.monotonic()
    before = cpu(receiver)
    senders = [subprocess.Popen([*command, str(folder)], stderr=subprocess.DEVNULL) for folder in folders]
    while any(sender.poll() is None for sender in senders):
        if memory is not None:
            memory.append((time.monotonic() - began, pss(receiver)))
        time.sleep(0.1)
    if any(sender.returncode for sender in senders):
        sys.exit("a sender was not answered with success")
    seconds = time.monotonic() - began
    used = cpu(receiver) - before
    return Run(seconds, used, max(0.0, (cpu() - busy) / seconds - 2 * used / seconds), "")


def cpu(process: int | None = None) -> float:
    """Processor seconds of a process and its children that have ended; without one, of all cores."""
    if process is None:
        return sum(int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:4]) / 100
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(word) for word in fields[11:15]) / 100


def pss(process: int) -> float:
    """MB."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def receiver_of(process: int) -> int:
    """The first process that a listener started: multiprocessing's tracker apart, the one that receives."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return next(
        int(child)
        for child in sorted(children, key=int)
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    )


def sops(store: Path) -> list[str]:
    paths = store.rglob("*.dcm")
    return [pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in paths]


def wait_scored(place: Path, count: int) -> None:
    until(lambda: (place / "list.csv").exists() and len(rows_of(place)) == count, 600)


def rows_of(place: Path) -> list[dict[str, str]]:
    with (place / "list.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def once(place: Path, count: int) -> None:
    """Exit unless each film is in the store once, and has one row with a score."""
    rows = rows_of(place)
    for what, uids in (("store", sops(place / "store")), ("list", [row["sop_uid"] for row in rows if row["priority"]])):
        if len(uids) != count or len(set(uids)) != count:
            sys.exit(f"{what}: {len(uids)} films, {len(set(uids))} of them distinct, of {count}")
    note("every film is there once, and scored once")


def until(happened, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            sys.exit("waited in vain")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
