"""What of the GPU path can be proven on an NVIDIA GPU without TensorRT, and how fast it is.

    python scripts/gpu_staging.py [--films 200] > benchmarks/results/gpu-staging.md

Everything is xscan's own and real - driver, pycuda, the thread that owns the device, streams, page-locked slots, lanes,
recorded CUDA graphs, doors, `xscan batch` - but TensorRT: a module of its name stands in, whose execution context
launches a small kernel (a film's mean grey level, made into logits). An ONNX graph of the same function is the oracle.

Proves: results are each film's own at all batch sizes and from all workers; copies overlap computing; recording and
replaying; the list of a batch is byte for byte that of ONNX Runtime; a kernel that fails ends the run with exit code 4
and the same command carries on; nothing is left over and no process aborts.
Does not prove: that TensorRT deserialises, runs or may be recorded, nor the speed of any network.
Needs pycuda, nvcc on the PATH and a GPU. Exit code 1 when something is not as it should be.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
from gpu_stand_in import FILM, LARGEST, PLAN, SIDE, expected, oracle, runtime, sidecar, stand_in

from xscan.engine.batch.scoring_thread import Scorer
from xscan.engine.errors import DeviceLost
from xscan.engine.machine.gpu import probe
from xscan.engine.network.sidecar import write_engine
from xscan.engine.runtime import cuda
from xscan.engine.runtime.tensorrt import TensorRtRuntime

FAILED: list[str] = []


def claim(what: str, holds: bool) -> None:
    print(f"- {'yes' if holds else '**NO**'}: {what}")
    if not holds:
        FAILED.append(what)


# --- the parts, each a process of its own ----------------------------------------------------------------


def answers() -> None:
    """Four workers ask through doors, at sizes of their own, as often as makes every size a replayed graph."""
    trt = stand_in()
    workers, rounds = 4, 300
    wrong, films = [], [0] * workers
    replays = [0]
    plain = cuda.CudaGraph.launch

    def counted(self: cuda.CudaGraph, stream: cuda.Stream) -> None:
        replays[0] += 1
        plain(self, stream)

    cuda.CudaGraph.launch = counted  # type: ignore[method-assign]

    def work(number: int, scorer: Scorer) -> None:
        remote = scorer.door().open()
        rng = np.random.default_rng(number)
        room = None  # rounds may be 0
        for _ in range(rounds):
            room = remote.room(int(rng.integers(1, 33)))
            room[...] = rng.integers(0, 256, (len(room), SIDE, 1, 1), np.uint8)
            films[number] += len(room)
            if not np.array_equal(remote.run(room), expected(room)):
                wrong.append(len(room))
        pictures = rng.integers(0, 256, (100, SIDE, SIDE, 1), np.uint8)  # more than a slot, and not in one
        if not np.array_equal(remote.run(pictures), expected(pictures)):
            wrong.append(100)
        del room, remote

    opened: list[TensorRtRuntime] = []

    def open_lanes() -> TensorRtRuntime:
        opened.append(runtime())
        return opened[0]

    with Scorer(open_lanes, workers, 32) as scorer:
        threads = [threading.Thread(target=work, args=(n, scorer)) for n in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        locked = len(opened[0]._device._registered)
    claim(f"{sum(films)} films of {workers} workers, 1 to 32 at once: all logits equal numpy's", not wrong)
    claim("the slots of shared memory were page-locked", locked == 1)
    claim("one thread, not the main one, opened the runtime", trt.opened == [scorer._thread.ident])
    claim(f"{replays[0]} batches were replayed graphs, {trt.enqueued} were launched or recorded", replays[0] > 0)
    claim("everything was freed", opened[0]._lanes == [] and opened[0]._device._registered == [])


def rates() -> None:
    """Copies, computing and both, one lane and two."""
    memory = SharedMemory(create=True, size=2 * LARGEST * FILM)
    try:
        measure(np.ndarray((2, LARGEST, SIDE, SIDE, 1), np.uint8, memory.buf))
    finally:
        memory.close()
        memory.unlink()


def measure(slots: np.ndarray) -> None:
    slots[...] = np.random.default_rng(0).integers(0, 256, slots.shape, np.uint8)
    trt = stand_in()

    # Each measurement is a function, so that no name of its memory outlives the context.
    def opened(work: Callable[[TensorRtRuntime], Any]) -> Any:
        device = runtime()
        try:
            device.pin(slots)
            return work(device)
        finally:
            device.close()

    trt.rounds = opened(lambda device: copies(device, slots))
    print(
        f"\nThe kernel reads each film {trt.rounds} times, so that it takes about as long as the copy of 256 films.\n"
    )
    print("| films a batch | copy alone, µs | kernel alone, µs | one lane, films/s | two lanes | two, no graphs"
          " | one lane, µs over copy and kernel |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    ratio, right = 1.0, True
    for films in (1, 8, 32, 100, 256):
        parts = slots[:, :films]
        copy, kernel = opened(lambda device, parts=parts: alone(device, parts))
        one = opened(lambda device, parts=parts: timed(lambda: (device.start(0, parts[0]), device.finish(0))))
        two, equal = opened(lambda device, parts=parts: two_lanes(device, parts))
        record = cuda.CudaGraph.record
        cuda.CudaGraph.record = lambda *_: None  # type: ignore[assignment]
        plain, also = opened(lambda device, parts=parts: two_lanes(device, parts))
        cuda.CudaGraph.record = record  # type: ignore[method-assign]
        ratio, right = two / (copy + kernel), right and equal and also
        cells = [f"{1e6 * copy:.1f}", f"{1e6 * kernel:.1f}", *(f"{films / s:.0f}" for s in (one, two, plain))]
        print(f"| {films} | {' | '.join(cells)} | {1e6 * (one - copy - kernel):.0f} |", flush=True)
    print()
    claim("every last batch's logits equal numpy's", right)
    claim(f"two lanes at 256 films take {ratio:.2f} of copy and kernel one after the other (below 0.9)", ratio < 0.9)


def copies(at: TensorRtRuntime, slots: np.ndarray) -> int:
    """Print the rates of copies; how often the kernel must read a film to take as long as its copy."""
    size = 1 << 28
    stream = at._lanes[0].stream
    assert stream is not None
    locked, target = at._device.pinned((size,), np.uint8), at._device.buffer(size)
    locked[...] = 1
    ordinary = np.ones(size, np.uint8)
    print("\n| copy to the device from | GB/s |\n|---|---|")
    sources = {"page-locked memory, 256 MiB": locked, "ordinary memory, 256 MiB": ordinary}
    sources |= {f"slots, {films} films, {films * FILM / 2**20:g} MiB": slots[0, :films] for films in (8, 32, 256)}
    for name, source in sources.items():
        seconds = timed(lambda source=source: stream.to_device(target, source), stream.wait)
        print(f"| {name} | {source.nbytes / seconds / 1e9:.1f} |")
    copying, computing = alone(at, slots)
    return max(1, min(200, round(copying / computing)))


def alone(at: TensorRtRuntime, parts: np.ndarray) -> tuple[float, float]:
    """Seconds of the copy and of the kernel, many put on the stream one after the other."""
    lane = at._lanes[0]
    stream = lane.stream
    assert stream is not None
    at.start(0, parts[0])
    at.finish(0)
    copy = timed(lambda: stream.to_device(lane.pixels, parts[0]), stream.wait)
    return copy, timed(lambda: at._enqueue(lane.full if lane.films == at.largest else lane.part, stream), stream.wait)


def two_lanes(at: TensorRtRuntime, parts: np.ndarray) -> tuple[float, bool]:
    """Seconds a batch with two on their way; are the last one's results right?"""
    turn = 0
    at.start(turn, parts[turn])

    def next_batch() -> None:
        nonlocal turn
        turn ^= 1
        at.start(turn, parts[turn])
        at.finish(turn ^ 1)

    seconds = timed(next_batch)
    return seconds, np.array_equal(at.finish(turn)["logits"], expected(parts[turn]))


def timed(work: Callable[[], object], end: Callable[[], object] = lambda: None, least: float = 0.4) -> float:
    """Seconds a call, `end` counted once: best of three."""
    for _ in range(3):
        work()
    end()
    times, calls = 1, [0.0]
    while calls[-1] < least / 3 or len(calls) < 4:
        started = time.perf_counter()
        for _ in range(times):
            work()
        end()
        calls.append(time.perf_counter() - started)
        if calls[-1] < least / 3:
            times, calls = times * 4, [0.0]
    return min(calls[1:]) / times


def lost() -> None:
    """A kernel fails while three workers wait."""
    stand_in(fuse=500)
    heard = []

    def work(scorer: Scorer) -> None:
        remote = scorer.door().open()
        pictures = np.zeros((8, SIDE, SIDE, 1), np.uint8)
        try:
            for _ in range(1000):
                remote.run(pictures)
        except DeviceLost as error:
            heard.append(str(error))

    with Scorer(runtime, 3, 32) as scorer:
        threads = [threading.Thread(target=work, args=(scorer,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    claim(f"all three workers heard of the lost device ({' / '.join(sorted(set(heard)))})", len(heard) == 3)


def scan(fuse: str, *arguments: str) -> None:
    """`xscan` in this process, with the stand-in; the rest of the command line is its own."""
    from xscan.cli.__main__ import main as xscan

    stand_in(fuse=int(fuse))
    sys.argv = ["xscan", *arguments]
    xscan()


# --- all of them ------------------------------------------------------------------------------------------


def child(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def part(name: str) -> None:
    print(f"\n## {name}\n", flush=True)
    started = time.monotonic()
    code, out, err = child(name)
    print(out.strip())
    claim(f"its process ended with exit code {code} ({time.monotonic() - started:.1f} s)", code == 0)
    if err.strip():
        print(f"\n```\n{err.strip()[-2000:]}\n```")


def whole_batch(films: int) -> None:
    print("\n## xscan batch\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        phantoms = ["phantom", str(work / "films"), "--count", str(films), "--format", "jpeg", "-q"]
        subprocess.run([sys.executable, "-m", "xscan.cli", *phantoms], check=True, stdout=subprocess.DEVNULL)
        graph = oracle()
        (work / "network.onnx").write_bytes(graph)
        write_engine(work / "gpu.engine", PLAN, graph, sidecar(graph))

        def batch(engine: str, out: str, fuse: int = 0) -> tuple[int, str, str]:
            started = time.monotonic()
            where = [str(work / "films"), "--engine", str(work / engine), "--out", str(work / out)]
            few = ["--workers", "4"] if fuse else []  # so that some batches end before the fault
            code, _, err = child("scan", str(fuse), "batch", *where, *few, "--no-progress")
            fault = f", a fault after {fuse} films" if fuse else ""
            print(f"\n{engine}{fault}: exit code {code}, {time.monotonic() - started:.1f} s")
            print(f"\n```\n{err.strip()[-1500:].replace(folder, '')}\n```\n", flush=True)
            return code, (work / out).read_text() if (work / out).is_file() else "", err

        code, reference, _ = batch("network.onnx", "reference.csv")
        claim("ONNX Runtime scanned the folder", code == 0 and reference.count("\n") == films + 1)
        code, rows, _ = batch("gpu.engine", "gpu.csv")
        claim("the GPU's list is ONNX Runtime's, byte for byte", code == 0 and rows == reference)
        code, _, said = batch("gpu.engine", "lost.csv", fuse=films // 2)
        claim("a lost device ends the batch with exit code 4 and one line", code == 4 and "xscan: the GPU" in said)
        code, rows, said = batch("gpu.engine", "lost.csv")
        carried = code == 0 and rows == reference and "rows kept" in said
        claim("the same command carries on and ends with the same list", carried)


def main() -> None:
    if sys.argv[1:2] == ["scan"]:
        return scan(*sys.argv[2:])
    parts = {"answers": answers, "rates": rates, "lost": lost}
    if len(sys.argv) == 2 and sys.argv[1] in parts:
        parts[sys.argv[1]]()
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--films", type=int, default=200, help="phantoms of the batch")
        films = parser.parse_args().films
        gpu = probe()
        if gpu is None:
            sys.exit("gpu_staging: no NVIDIA GPU, or its driver does not answer")
        print(f"# The GPU path without TensorRT\n\n{gpu.name}, compute capability {gpu.compute_capability}, "
              f"driver for CUDA {gpu.driver}, {os.cpu_count()} cores")  # fmt: skip
        for name in parts:
            part(name)
        whole_batch(films)
        print(f"\n{len(FAILED)} of the claims do not hold" if FAILED else "\nAll claims hold.")
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
