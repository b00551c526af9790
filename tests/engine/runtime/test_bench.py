from pathlib import Path

import numpy as np
import pytest

from xscan.engine.runtime import bench
from xscan.engine.runtime.protocol import Closing

from ...calibration.networks import MANIFEST, SIDE


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Fake(Closing):
    """Takes a millisecond a film by `clock`, and twice that at first."""

    manifest = MANIFEST
    description = "fake"
    sha256 = ""

    def __init__(self, clock: Clock, drift: float = 0.0) -> None:
        self.clock, self.drift, self.calls = clock, drift, 0

    def run(self, pictures: np.ndarray) -> np.ndarray:
        self.calls += 1
        assert pictures.shape[1:] == (SIDE, SIDE, 1)
        self.clock.now += len(pictures) * 1e-3 * (2 if self.calls < 4 else 1) * (1 + self.drift * self.calls)
        return np.zeros((len(pictures), 3), np.float32)

    def outputs(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        return {"logits": self.run(pictures)}


def test_a_steady_network_is_measured_without_its_warm_up():
    clock = Clock()
    rate = bench.measure(Fake(clock), 8, seconds=60, clock=clock)
    assert rate.stable
    assert rate.films_a_second == pytest.approx(1000)
    assert rate.p50_ms == pytest.approx(8)
    assert rate.p99_ms == pytest.approx(8)


def test_one_that_never_settles_ends_in_time_and_says_so():
    clock = Clock()
    rate = bench.measure(Fake(clock, drift=0.01), 8, seconds=5, clock=clock)
    assert not rate.stable
    assert clock.now < 60


def test_decoding_is_counted_in_and_other_files_are_left_out(phantoms: Path, tmp_path: Path):
    files = sorted(p for p in phantoms.rglob("*") if p.is_file())
    (tmp_path / "note.txt").write_text("no film")
    found = bench.measure_decoding(Fake(Clock()), [tmp_path / "note.txt", *files], batch=5)
    assert found is not None
    assert 0 < found.films <= len(files)
    assert found.read_ms > 0
    assert bench.measure_decoding(Fake(Clock()), [tmp_path / "note.txt"]) is None
