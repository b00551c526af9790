"""What `build-engine` is asked for, and where its words go."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xscan.engine.runtime.compile import WORKSPACE

from ..acceptance.verdict import TOLERANCES, Tolerances


@dataclass(frozen=True)
class BuildSettings:
    model: Path
    out: Path
    precision: str = "auto"
    runtime: str = "auto"
    calibrate: Path | None = None
    films: int = 512
    seed: int = 0
    method: str = "auto"
    accept: Path | None = None
    accept_folds: tuple[int, ...] = ()
    patients: Path | None = None  #: of the calibration films
    accept_patients: Path | None = None
    mixed: bool = False  #: take the best mixed graph where all of INT8 is refused
    force: bool = False  #: write a refused engine all the same, marked
    best_batch: int = 8
    max_batch: int = 32
    portable: bool = False
    workspace: int = WORKSPACE
    timing_cache: Path | None = None
    limits: Tolerances = TOLERANCES


@dataclass
class Say:
    """Where a build's words go; all do nothing by default."""

    note: Callable[[str], None] = lambda _: None  #: what was decided, and why
    warn: Callable[[str], None] = lambda _: None
    builder: Callable[[str], None] = lambda _: None  #: the compiler's own warnings
    progress: Callable[[str, int, int], None] = lambda *_: None  #: stage, done, total
