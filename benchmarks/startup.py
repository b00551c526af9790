"""How long until something happens: `xscan --help`, and the first row of a list, from the start of the process.

    python benchmarks/startup.py [FOLDER] [--engine NAME] [--files 400] [--rounds 7]

Each round starts every case once, in turn; before the first they all run once, so that files are in memory.
`first row`: from the start of the command to a row in the list that is being written; the run is ended then.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from folders import jpeg_films, originals
from measure import SCRATCH, note, table, write, xscan_batch

POLL = 0.002  #: seconds


def help_text() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "xscan.cli", "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def first_row(folder: Path, engine: str) -> float:
    part = SCRATCH / "startup.csv.part"
    part.unlink(missing_ok=True)
    began = time.perf_counter()
    with subprocess.Popen([str(word) for word in xscan_batch(folder, "startup", "--engine", engine)]) as child:
        while not (part.exists() and part.read_bytes().count(b"\n") > 1):
            if child.poll() is not None:
                sys.exit(f"the run ended with {child.returncode} before a first row was seen: take a larger folder")
            time.sleep(POLL)
        seconds = time.perf_counter() - began
        child.terminate()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="films of your own")
    parser.add_argument("--engine", action="append", help="default: all networks that ship")
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    folders = {"1300 x 1000 JPEG": jpeg_films(options.files)}
    if options.folder:
        folders = {options.folder.name: options.folder}
    elif (real := originals(options.files)) is not None:
        folders["originals"] = real
    cases: dict[str, Callable[[], float]] = {"xscan --help": help_text}
    for name, folder in folders.items():
        for engine in options.engine or ("compact", "seed"):
            case = f"first row, {name}, {Path(engine).name}"
            cases[case] = lambda folder=folder, engine=engine: first_row(folder, engine)
    taken: dict[str, list[float]] = {case: [] for case in cases}
    for number in range(options.rounds + 1):
        for case, measure in cases.items():
            taken[case].append(measure())
        note(f"round {number} of {options.rounds}")
    lines = [[case, statistics.median(runs[1:]), max(runs[1:]), runs[0]] for case, runs in taken.items()]
    write("startup", "From the start of the process", [table(("seconds", "median", "largest", "first time"), lines)])


if __name__ == "__main__":
    main()
