"""What each stage costs a film, and the films a second that follow from it.

    python benchmarks/stages.py [FOLDER] [--engine NAME] [--films 240] [--seconds 6]

One process a core measures at the same time, as the workers of a batch run at the same time. Each goes through films in
jobs of eight, as a worker does, and takes the time of every stage:

load      the file into memory
decode    from its bytes to a grey picture, with every check of the format
resize    to the network's square
gate      contrast, exposure, letters
network   with its gate output and maps, at a batch of eight
bare      beside them: load the file, the decoder alone and, over 8 bits, one table over the pixels

The limit is that of load, decode, resize and network: cores / their sum; it leaves out the gate, which no user could do
without. Times are the wall's (--cpu: the processor's).
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from measure import table, write

STAGES = ("load", "decode", "resize", "gate", "network", "bare")
LIMIT = ("load", "decode", "resize", "network")
ALL = (*LIMIT, "gate")
JOB = 8


def costs(folder: Path, engine: str, films: int = 240, seconds: float = 6.0, cores: int = 0, cpu: bool = False):
    """Milliseconds a film by stage, the mean over processes of the median over passes through the films."""
    command = [sys.executable, str(Path(__file__)), str(folder), "--engine", engine, "--films", str(films)]
    command += ["--seconds", str(seconds), "--one"] + ["--cpu"] * cpu
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(cores or _cores())]
    found = [json.loads(process.communicate()[0]) for process in running]
    return {stage: statistics.mean(one[stage] for one in found) for stage in STAGES}


def limit(cost: dict[str, float], cores: int = 0, stages: Sequence[str] = LIMIT) -> float:
    """Films a second."""
    return 1000 * (cores or _cores()) / sum(cost[stage] for stage in stages)


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


def one(folder: Path, engine: str, films: int, seconds: float, cpu: bool) -> dict[str, float]:
    import cv2
    import numpy as np

    from xscan.engine.batch.worker import keep_memory
    from xscan.engine.preprocess.to_input import to_input
    from xscan.engine.read.decode import read_bytes
    from xscan.engine.runtime.open import find_engine, open_runtime
    from xscan.engine.triage.look import look_at

    cv2.setNumThreads(1)
    keep_memory()
    clock = time.thread_time if cpu else time.perf_counter
    runtime = open_runtime(find_engine(engine))
    spec = runtime.manifest.input
    slot = np.empty((JOB, spec.height, spec.width, 1), np.uint8)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    paths = sampled(paths, films, lambda path: path.stat().st_size)
    jobs = [paths[i : i + JOB] for i in range(0, len(paths), JOB)]
    passes: dict[str, list[float]] = defaultdict(list)
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(passes["load"]) < 2:
        spent = dict.fromkeys(STAGES, 0.0)
        for job in jobs:
            for position, path in enumerate(job):
                marks = [clock()]
                content = path.read_bytes()
                marks.append(clock())
                grey = read_bytes(content).grey
                marks.append(clock())
                to_input(grey, spec, out=slot[position, :, :, 0])
                marks.append(clock())
                look_at(grey)
                marks.append(clock())
                for stage, before, after in zip(STAGES, marks, marks[1:], strict=False):
                    spent[stage] += after - before
            began = clock()
            runtime.outputs(slot[: len(job)])
            spent["network"] += clock() - began
            for path in job:
                began = clock()
                bare(path)
                spent["bare"] += clock() - began
        for stage in STAGES:
            passes[stage].append(1000 * spent[stage] / len(paths))
    return {stage: statistics.median(passes[stage]) for stage in STAGES}


def sampled(films: list, count: int, size: Callable[[Any], int]) -> list:
    """Some films, evenly over their sizes: the cost of a JPEG goes by its bytes, and those of originals differ by
    more than their mean, so that 240 drawn at random miss it by a sixth. In the folder's order."""
    if count >= len(films):
        return films
    by_size = sorted(range(len(films)), key=lambda i: size(films[i]))
    middle = [int((i + 0.5) * len(films) / count) for i in range(count)]
    return [films[i] for i in sorted(by_size[m] for m in middle)]


def bare(path: Path) -> object:
    """The fewest calls from a file to an 8-bit picture, for JPEG and for DICOM with JPEG lossless."""
    import cv2
    import imagecodecs
    import numpy as np

    from xscan.engine.read.look_up import look_up

    content = path.read_bytes()
    if content[:2] == b"\xff\xd8":
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    start = content.find(b"\xff\xd8\xff")
    if content[128:132] != b"DICM" or start < 0:
        return None
    frame: Any = memoryview(content)[start:]  # imagecodecs takes every buffer, and says so of some
    return look_up(np.arange(65_536).astype(np.uint8), imagecodecs.jpeg8_decode(frame))


def rows(name: str, engine: str, cost: dict[str, float]) -> list[object]:
    return [name, engine, *(cost[stage] for stage in STAGES), limit(cost)]


HEADER = ("films", "network", *(f"{stage} ms" for stage in STAGES), "limit, films/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="films of your own")
    parser.add_argument("--engine", action="append", help="default: all networks that ship")
    parser.add_argument("--films", type=int, default=240)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--cpu", action="store_true", help="processor time: for a machine that is busy")
    parser.add_argument("--one", action="store_true", help="measure in this process, print JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.folder, options.engine[0], options.films, options.seconds, options.cpu)))
        return
    from folders import FORMATS, films, jpeg_films, originals

    folders = {"1300 x 1000 JPEG": jpeg_films(options.films)}
    if options.folder:
        folders = {options.folder.name: options.folder}
    else:
        if (real := originals(options.films)) is not None:
            folders["originals"] = real
        lossless = "DICOM, JPEG lossless"
        folders["2500 x 2000 12-bit JPEG lossless DICOM"] = films("lossless", FORMATS[lossless], 2500, 2000, 96)
    lines = []
    for name, folder in folders.items():
        for engine in options.engine or ("compact", "seed"):
            cost = costs(folder, engine, options.films, options.seconds, cpu=options.cpu)
            lines.append(rows(name, engine, cost))
    clock = "processor" if options.cpu else "wall"
    write(
        "stages",
        "Stage costs",
        [f"Milliseconds a film ({clock} time), every core busy with the same.", table(HEADER, lines)],
    )


if __name__ == "__main__":
    main()
