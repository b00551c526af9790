"""Where a worker's time goes, in the batch's own code: the share of each stage, and of all that is none.

    python benchmarks/shares.py [FOLDER] [--engine NAME] [--films 240] [--seconds 8]

One process a core does at the same time what a worker of `xscan batch` does with its jobs of eight, with a clock around
each stage. `else` is the rest of that code: rows, headers of the batch, verdicts. Start, main process and pipes are not
in it; they are the difference between a whole command's processor time and `whole` here, and stand in a second table.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from measure import SCRATCH, run_quietly, table, write, xscan_batch
from stages import sampled

STAGES = ("load", "decode", "resize", "gate", "network", "else")
NAMED = ("decode", "resize", "network")
JOB = 8


def one(folder: Path, engine: str, films: int, seconds: float) -> dict[str, float]:
    """Milliseconds of processor time a film by stage: medians over passes."""
    import cv2

    from xscan.engine.batch import worker
    from xscan.engine.batch.messages import Job, WorkerSettings
    from xscan.engine.find.discover import discover
    from xscan.engine.machine.confine import MemoryLimit
    from xscan.engine.read import decode
    from xscan.engine.read.film import DEFAULT_LIMITS
    from xscan.engine.runtime.open import find_engine, open_runtime

    cv2.setNumThreads(1)
    worker.keep_memory()
    spent: dict[str, float] = defaultdict(float)

    def clocked(stage: str, function: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **more)
            finally:
                spent[stage] += time.perf_counter() - began

        return call

    path = find_engine(engine)
    runtime: Any = open_runtime(path)
    settings = WorkerSettings(path, DEFAULT_LIMITS)
    memory = MemoryLimit(DEFAULT_LIMITS.max_pixels, DEFAULT_LIMITS.max_bytes)
    decode.read_content = clocked("load", decode.read_content)
    decode.read_bytes = clocked("decode", decode.read_bytes)
    worker.to_input = clocked("resize", worker.to_input)
    worker.look_at = clocked("gate", worker.look_at)
    runtime.outputs = clocked("network", runtime.outputs)
    found = sampled(list(discover(folder)), films, lambda film: film.bytes)
    jobs = [Job(i, found[i : i + JOB]) for i in range(0, len(found), JOB)]
    memory = MemoryLimit(DEFAULT_LIMITS.max_pixels, DEFAULT_LIMITS.max_bytes)
    passes: list[dict[str, float]] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(passes) < 3:
        spent.clear()
        began = time.perf_counter()
        for job in jobs:
            worker._do(job, runtime, settings, [0, 0], None, memory)
        spent["else"] = time.perf_counter() - began - sum(spent.values())
        passes.append({stage: 1000 * spent[stage] / len(found) for stage in STAGES})
    return {stage: statistics.median(p[stage] for p in passes[1:]) for stage in STAGES}


def shares(folder: Path, options: argparse.Namespace, engine: str) -> dict[str, float]:
    command = [sys.executable, __file__, str(folder), "--engine", engine, "--films", str(options.films)]
    command += ["--seconds", str(options.seconds), "--one"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in os.sched_getaffinity(0)]
    found = [json.loads(process.communicate()[0]) for process in running]
    return {stage: statistics.mean(each[stage] for each in found) for stage in STAGES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="films of your own")
    parser.add_argument("--engine", action="append", help="default: the default network and seed")
    parser.add_argument("--films", type=int, default=240)
    parser.add_argument("--files", type=int, default=4000, help="of the whole command")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--one", action="store_true", help="measure in this process, print JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.folder, options.engine[0], options.films, options.seconds)))
        return
    from folders import jpeg_films, originals

    folders = {"1300 x 1000 JPEG": jpeg_films(options.files), "originals": originals(options.files)}
    if options.folder:
        folders = {options.folder.name: options.folder}
    lines, whole = [], []
    for name, folder in folders.items():
        for engine in options.engine or ("compact", "seed"):
            if folder is None:
                continue
            cost = shares(folder, options, engine)
            total = sum(cost.values())
            outside = total - sum(cost[stage] for stage in NAMED)
            cells = [f"{cost[stage]:.2f} ({100 * cost[stage] / total:.1f} %)" for stage in STAGES]
            lines.append([name, engine, *cells, f"{total:.2f}", f"{100 * outside / total:.1f} %"])
            done = run_quietly(xscan_batch(folder, "shares", "--engine", engine))
            files = json.loads((SCRATCH / "shares.csv.run.json").read_text())["summary"]["files"]
            spent = 1000 * done.cpu / files
            named = sum(cost[stage] for stage in NAMED)
            quiet = "" if done.counts else f"**no: {done.other:.2f} cores**"
            whole.append([name, engine, files, spent, named, f"{100 * (spent - named) / spent:.1f} %", quiet or "yes"])
    header = ("films", "network", *(f"{stage} ms" for stage in STAGES), "whole ms", "outside decode, resize, network")
    other = ("films", "network", "files", "processor ms a film", "decode, resize, network ms", "all else", "quiet")
    write("shares", "Where a worker's time goes", [
        "A worker's code, every core busy with the same:", table(header, lines),
        "The whole command, its start and its main process included, in processor time:", table(other, whole),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
