"""A folder to a CSV: `xscan batch` against what a user would write instead, in turn, medians.

    python benchmarks/throughput.py [FOLDER ...] [--files 1000] [--rounds 3] [--engine FILE] [--python OTHER/bin/python]
                                    [--only WORD]

Without FOLDER: 1300 x 1000 JPEGs made from phantoms, and the hospital's originals where they are. --engine is one
more way to run `xscan batch`, such as an INT8 engine of `xscan build-engine`. A contender whose packages are not
installed is left out; TensorFlow runs as it is installed and with oneDNN, which it leaves off on some processors;
--python is another interpreter to look for them. Slow ones get --slow-files.
The films a second are those of the whole command, start and imports included; `after start` counts from the moment that
everything was loaded (for xscan: from the start of its run, so its workers' start is in it). The last table divides
each run's rate by the limit that the stage costs set, measured by benchmarks/stages.py just before and just after, for
the machine's speed wanders: the median, and the least and the most; once without the gate among the stages, as it has
always been told here, and once with it. All other figures are medians over the rounds.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from folders import jpeg_films, linked, originals
from measure import SCRATCH, Run, in_turn, median, note, quiet_note, run_quietly, table, write, xscan_batch
from stages import ALL, HEADER, LIMIT, STAGES, costs, limit, rows

XSCAN = {"xscan batch, default network": "compact", "xscan batch, network seed": "seed"}
OTHERS = {
    "image_dataset_from_directory + predict, oneDNN": ("keras-dataset-onednn", "tensorflow"),
    "image_dataset_from_directory + predict": ("keras-dataset", "tensorflow"),
    "Keras, file by file, oneDNN": ("keras-per-file-onednn", "tensorflow"),
    "Keras, file by file": ("keras-per-file", "tensorflow"),
    "ONNX Runtime loop": ("onnxruntime-loop", "onnxruntime"),
    "PyTorch DataLoader": ("torch-dataloader", "torch"),
    "torchxrayvision, file by file": ("torchxrayvision", "torchxrayvision"),
}
SLOW = ("keras-per-file", "keras-per-file-onednn", "torchxrayvision")
REFERENCE = "image_dataset_from_directory + predict, oneDNN"


def interpreter(package: str, pythons: Sequence[str]) -> str:
    """The first that has the package, or ''."""
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    for python in pythons:
        if subprocess.run([python, "-c", look], check=False).returncode == 0:
            return python
    return ""


def compare(name: str, folder: Path, slow: Path, options: argparse.Namespace) -> list[str]:
    """The tables of one folder."""
    pythons = [sys.executable, *options.python]
    found = {case: interpreter(package, pythons) for case, (_, package) in OTHERS.items()}
    left_out = [case for case, python in found.items() if not python]
    sizes, after, spent = {}, {}, {}

    def measure(case: str) -> Run:
        if case in ours:
            before = costs(folder, ours[case], options.stage_films, options.stage_seconds)
            sizes[case] = count(folder)
            done = run_quietly(xscan_batch(folder, "throughput", "--engine", ours[case]))
            behind = costs(folder, ours[case], options.stage_films, options.stage_seconds)
            spent.setdefault(case, []).append({stage: (before[stage] + behind[stage]) / 2 for stage in STAGES})
            report = json.loads((SCRATCH / "throughput.csv.run.json").read_text())["summary"]
            after.setdefault(case, []).append(report["seconds"])
            return done
        contender = OTHERS[case][0]
        films = slow if contender in SLOW else folder
        sizes[case] = count(films)
        script = Path(__file__).with_name("contenders.py")
        done = run_quietly([found[case], script, contender, films, SCRATCH / "contender.csv"])
        after.setdefault(case, []).append(json.loads(done.output.splitlines()[-1])["seconds"])
        return done

    ours = XSCAN | {f"xscan batch, {Path(engine).name}": engine for engine in options.engine}
    cases = [*ours, *(case for case in OTHERS if found[case])]
    cases = [case for case in cases if not options.only or any(word in case for word in options.only)]
    runs = in_turn(cases, measure, options.rounds)
    rate = {case: sizes[case] / median(run.seconds for run in runs[case]) for case in cases}
    reference = rate.get(REFERENCE)
    lines = [
        [
            case, sizes[case], rate[case], sizes[case] / median(after[case]),
            1000 * median(run.cpu for run in runs[case]) / sizes[case],
            f"{rate[case] / reference:.2f}" if reference else "",
        ]
        for case in sorted(cases, key=lambda case: -rate[case])
    ]  # fmt: skip
    header = ("", "films", "films/s", "after start", "processor ms a film", "times image_dataset + predict, oneDNN")
    shares = []
    for case, engine in ours.items():
        if case in rate:
            cost = {stage: median(each[stage] for each in spent[case]) for stage in STAGES}
            told = []
            for stages in (LIMIT, ALL):
                both = zip(runs[case], spent[case], strict=True)
                reached = [100 * sizes[case] / run.seconds / limit(each, stages=stages) for run, each in both]
                told.append(f"{median(reached):.0f} % ({min(reached):.0f} to {max(reached):.0f})")
            shares.append([*rows(name, Path(engine).name, cost), rate[case], *told])
    parts = [f"## {name}", table(header, lines), quiet_note(run for done in runs.values() for run in done)]
    if left_out:
        parts.append(f"Left out, not installed: {', '.join(left_out)}.")
    return [*parts, table((*HEADER, "reached, films/s", "of the limit", "with the gate"), shares)]


def count(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--slow-files", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", action="append", default=[], help="one more engine of xscan to run, a file")
    parser.add_argument("--python", action="append", default=[], help="another interpreter, for packages missing here")
    parser.add_argument("--only", action="append", default=[], help="only contenders whose name has this in it")
    parser.add_argument("--stage-films", type=int, default=240)
    parser.add_argument("--stage-seconds", type=float, default=6.0)
    parser.add_argument("--name", default="throughput", help="of the file of results")
    options = parser.parse_args()
    sets = {path.name: (linked(path, f"given-{path.name}-{n}", n) for n in (options.files, options.slow_files))
            for path in options.folders}  # fmt: skip
    if not sets:
        sets["1300 x 1000 JPEG"] = (jpeg_films(n) for n in (options.files, options.slow_files))
        if originals(1) is not None:
            sets["originals"] = (
                path for n in (options.files, options.slow_files) if (path := originals(n)) is not None
            )
    parts: list[str] = []
    for name, folders in sets.items():
        note(f"== {name}")
        folder, slow = folders
        parts += compare(name, folder, slow, options)
    write(options.name, "A folder to a CSV", parts)


if __name__ == "__main__":
    main()
