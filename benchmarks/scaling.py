"""How `xscan batch` scales: with cores, batch size, size of the films and format; in turn, medians.

    python benchmarks/scaling.py [cores] [batch] [size] [format] [--scale 1.0] [--rounds 3] [--engine FILE]

Parts can be run one at a time; each writes its own table. --scale multiplies the numbers of files. --engine is one
more network for `cores`, such as an INT8 engine of `xscan build-engine`. `bare decoder`: what the decoders alone reach
on all cores at the same time, load and one table over the pixels included (stages.py). `stages alone`: how many times
more films the stages alone get through on all cores than on one, which leaves only what the machine's cores share
(memory, clock).
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from folders import FORMATS, films, jpeg, jpeg_films
from measure import Run, in_turn, median, quiet_note, run_quietly, table, write, xscan_batch
from stages import costs, limit

#: Files of each format: some two seconds' work of one core a hundred, JPEG 2000 far more.
COUNTS = {"PNG": 100, "DICOM, JPEG-LS": 60, "DICOM, JPEG 2000 lossless": 16}
SIZES = {"0.3 megapixels": (480, 640), "1.3": (1000, 1300), "5": (2000, 2500), "20": (4000, 5000)}


def by_cores(options: argparse.Namespace) -> list[str]:
    """One core against all of them, for JPEG and for 12-bit JPEG lossless."""
    jpegs = jpeg_films(scaled(4000, options))
    lossless = films("lossless", FORMATS["DICOM, JPEG lossless"], 2500, 2000, scaled(800, options))
    every = os.sched_getaffinity(0)
    sets = {"1300 x 1000 JPEG": jpegs, "2500 x 2000 12-bit JPEG lossless DICOM": lossless}
    engines = ("compact", "seed", *options.engine)
    cases = {
        f"{name}, {engine}, {cores}": (folder, engine, cores)
        for name, folder in sets.items() for engine in engines for cores in (1, len(every))
    }  # fmt: skip
    spent: dict[str, list[dict[str, float]]] = defaultdict(list)

    def measure(case: str) -> Run:
        folder, engine, cores = cases[case]
        spent[case].append(costs(folder, engine, 96, 6.0, cores))  # at its side: the machine's speed wanders
        return scan(folder, engine, {min(every)} if cores == 1 else every)

    runs = in_turn(cases, measure, options.rounds)
    lines = []
    for name, folder in sets.items():
        for engine in engines:
            one, many = (f"{name}, {engine}, {cores}" for cores in (1, len(every)))
            slow, fast = rate(folder, runs[one]), rate(folder, runs[many])
            alone, together = limits(spent[one], 1), limits(spent[many], len(every))
            bare = len(every) * 1000 / median(cost["bare"] for cost in spent[many])
            share = f"{100 * fast / bare:.0f} %"
            lines.append([name, Path(engine).name, slow, fast, fast / slow, together / alone, bare, share])
    header = (
        "films", "network", "films/s, 1 core", f"{len(every)} cores", "times", "stages alone", "bare decoder", "of it",
    )  # fmt: skip
    return [table(header, lines), quiet_note(flat(runs))]


def limits(spent: Iterable[dict[str, float]], cores: int) -> float:
    return median(limit(cost, cores) for cost in spent)


def by_batch(options: argparse.Namespace) -> list[str]:
    folder = jpeg_films(scaled(600, options))
    return one_table(options, "batch size", {
        str(size): (folder, lambda size=size: scan(folder, "compact", None, "--batch-size", size))
        for size in (1, 4, 8, 16, 32)
    })  # fmt: skip


def by_size(options: argparse.Namespace) -> list[str]:
    folders = {
        name: films(f"jpeg-{rows}", jpeg, rows, columns, scaled(400_000_000 // (rows * columns), options), 8)
        for name, (rows, columns) in SIZES.items()
    }
    cases = {name: (folder, lambda folder=folder: scan(folder, "compact")) for name, folder in folders.items()}
    return one_table(options, "JPEG of", cases)


def by_format(options: argparse.Namespace) -> list[str]:
    folders = {
        name: films(f"format-{number}", encode, 2500, 2000, scaled(COUNTS.get(name, 200), options), 8)
        for number, (name, encode) in enumerate(FORMATS.items())
    }
    return one_table(
        options, "2500 x 2000, 12 bit", {n: (f, lambda f=f: scan(f, "compact")) for n, f in folders.items()}
    )


def one_table(options: argparse.Namespace, what: str, cases: dict[str, tuple[Path, Callable[[], Run]]]) -> list[str]:
    runs = in_turn(cases, lambda case: cases[case][1](), options.rounds)
    lines = [
        [case, count(folder), rate(folder, runs[case]), 1000 * median(r.cpu for r in runs[case]) / count(folder)]
        for case, (folder, _) in cases.items()
    ]
    return [table((what, "files", "films/s", "processor ms a film"), lines), quiet_note(flat(runs))]


def scan(folder: Path, engine: str, cores: set[int] | None = None, *more: object) -> Run:
    return run_quietly(xscan_batch(folder, "scaling", "--engine", engine, *more), cores)


def rate(folder: Path, runs: Iterable[Run]) -> float:
    return count(folder) / median(run.seconds for run in runs)


def count(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def scaled(files: int, options: argparse.Namespace) -> int:
    return max(8, int(files * options.scale))


def flat(runs: dict[str, list[Run]]) -> list[Run]:
    return [run for done in runs.values() for run in done]


PARTS = {"cores": by_cores, "batch": by_batch, "size": by_size, "format": by_format}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all without")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", action="append", default=[], help="one more network for `cores`, a file")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {unknown.pop()}: choose of {', '.join(PARTS)}")
    for part in options.parts or PARTS:
        write(f"scaling-{part}", f"Scaling: {part}", PARTS[part](options))


if __name__ == "__main__":
    main()
