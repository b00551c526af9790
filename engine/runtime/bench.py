"""How fast an engine is here: cold, and warm by batch size, with and without decoding."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EngineError, FileProblem
from ..preprocess.to_input import to_input
from .protocol import Runtime

WINDOW_S = 0.5  #: calls are counted in windows; two in a row that agree are a stable figure
AGREE = 0.03


@dataclass(frozen=True)
class Rate:
    batch: int
    films_a_second: float
    p50_ms: float  #: of one call
    p90_ms: float
    p99_ms: float
    calls: int
    stable: bool  #: the last two windows agree

    def as_dict(self) -> dict[str, Any]:
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Cold:
    """What stands between a command and its first answer."""

    batch: int
    seconds: float  #: from the start of a new process to its end
    open_s: float  #: of these, loading the runtime's libraries and the engine
    first_ms: float  #: the first call, before anything is warm


@dataclass(frozen=True)
class DecodingRate:
    """One core: read and decode, preprocess, run."""

    films: int
    films_a_second: float
    read_ms: float  #: a film
    network_ms: float


_COLD = """
import sys, time
from pathlib import Path
started = time.perf_counter()
import numpy
from xscan.engine.runtime.open import open_runtime
with open_runtime(Path(sys.argv[1])) as runtime:
    opened = time.perf_counter()
    spec = runtime.manifest.input
    runtime.run(numpy.zeros((int(sys.argv[2]), spec.height, spec.width, 1), numpy.uint8))
    print(opened - started, time.perf_counter() - opened)
"""


def measure(runtime: Runtime, batch: int, seconds: float = 5.0, clock: Callable[[], float] = time.perf_counter) -> Rate:
    """Run full batches until two windows in a row agree, or for `seconds`. The first window warms up."""
    spec = runtime.manifest.input
    pictures = np.random.default_rng(0).integers(0, 256, (batch, spec.height, spec.width, 1), np.uint8)
    _window(runtime, pictures, clock)
    kept: list[float] = []
    medians: list[float] = []
    started = clock()
    stable = False
    while not stable and (clock() - started < seconds or not kept):
        times = _window(runtime, pictures, clock)
        kept += times
        medians.append(float(np.median(times)))
        stable = len(medians) > 1 and abs(medians[-1] / medians[-2] - 1) < AGREE
    p50, p90, p99 = (float(x) * 1e3 for x in np.percentile(kept, (50, 90, 99)))
    return Rate(batch, batch * len(kept) / sum(kept), p50, p90, p99, len(kept), stable)


def measure_cold(engine: Path, batch: int) -> Cold:
    """Open an engine and run it once, in a new process, as every command and every worker must. Raises EngineError."""
    started = time.perf_counter()
    command = [sys.executable, "-c", _COLD, str(engine), str(batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    whole = time.perf_counter() - started
    if done.returncode:
        raise EngineError(f"{engine.name} could not be run in a process of its own")
    opened, first = (float(word) for word in done.stdout.split())
    return Cold(batch, whole, opened, 1e3 * first)


def measure_decoding(runtime: Runtime, files: Iterable[Path], batch: int = 8) -> DecodingRate | None:
    """Read, preprocess and score files on one core; those that are no radiographs are left out. None without any."""
    from ..find.found import Found
    from ..read.apart import read_apart

    spec = runtime.manifest.input
    slot = np.empty((batch, spec.height, spec.width, 1), np.uint8)
    films = waiting = 0
    read_s = network_s = 0.0
    runtime.run(np.zeros_like(slot))
    for path in files:
        try:
            read = read_apart(Found(path.name, str(path)))
        except FileProblem:
            continue
        started = time.perf_counter()
        to_input(read.film.grey, spec, out=slot[waiting, :, :, 0])
        read_s += read.seconds + time.perf_counter() - started
        films, waiting = films + 1, waiting + 1
        if waiting == batch:
            network_s, waiting = network_s + _timed(runtime, slot), 0
    if waiting:
        network_s += _timed(runtime, slot[:waiting])
    if not films:
        return None
    return DecodingRate(films, films / (read_s + network_s), 1e3 * read_s / films, 1e3 * network_s / films)


def _window(runtime: Runtime, pictures: np.ndarray, clock: Callable[[], float]) -> list[float]:
    times: list[float] = []
    while sum(times) < WINDOW_S:
        started = clock()
        runtime.run(pictures)
        times.append(clock() - started)
    return times


def _timed(runtime: Runtime, pictures: np.ndarray) -> float:
    started = time.perf_counter()
    runtime.run(pictures)
    return time.perf_counter() - started
