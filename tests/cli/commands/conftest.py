"""A machine with the strict stand-in of a GPU, for commands that run in this process."""

import csv
import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import pytest

from xscan.calibration.build_engine.build import build
from xscan.calibration.build_engine.settings import BuildSettings
from xscan.cli.__main__ import main
from xscan.engine.runtime import bench

from ...calibration import networks
from ...engine.runtime.fakes.card import collected, forget, put
from ...engine.runtime.fakes.driver import Driver
from ...engine.runtime.fakes.module import TensorRt

RUNTIMES = ("tensorrt", "tensorrt-rtx")


class Night(NamedTuple):
    """Engines of one small network, films, and a list that they made."""

    folder: Path
    engines: dict[str, Path]
    films: Path
    csv: Path
    truth: Path


class Ran(NamedTuple):
    code: int
    out: str
    said: str
    driver: Driver


Card = Callable[..., Ran]
Prepare = Callable[[Driver, dict[str, TensorRt]], None]


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return make_night(tmp_path_factory.mktemp("night"))


def make_night(folder: Path) -> Night:
    network, films = folder / "small.onnx", folder / "films"
    network.write_bytes(networks.residual().SerializeToString())
    for number, picture in enumerate(networks.pictures(12, seed=1)):
        kind = films / ("normal", "bacteria", "virus")[number % 3]
        kind.mkdir(parents=True, exist_ok=True)
        large = cv2.resize(picture[:, :, 0], (96, 96), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(kind / f"{number}.png"), large)
    engines = {runtime: folder / f"{runtime}.engine" for runtime in RUNTIMES}
    with pytest.MonkeyPatch.context() as patch:
        driver = Driver()
        put(patch, driver)
        for runtime, out in engines.items():
            build(BuildSettings(network, out, "fp32", runtime, max_batch=8))
        driver.assert_clean()
    forget()
    listed, truth = folder / "night.csv", folder / "truth.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["xscan", "batch", str(films), "--engine", str(network), "--out", str(listed), "-q"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
    with listed.open(encoding="utf-8") as rows, truth.open("w", encoding="utf-8", newline="") as out:
        said = csv.writer(out)
        said.writerow(("file", "truth"))
        said.writerows((row["file"], row["file"].split("/")[0]) for row in csv.DictReader(rows))
    gc.unfreeze()  # `main` froze what was there
    return Night(folder, engines, films, listed, truth)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Card]:
    """Runs a command in this process, on a new stand-in; fails: the name of a call, which does so at its first; at: the
    number of the call that fails."""
    monkeypatch.setattr(bench, "WINDOW_S", 0.005)
    monkeypatch.setattr(bench, "measure_cold", lambda *_: bench.Cold(1, 1, 1, 1))  # a new process has no stand-in

    def run(*arguments: object, fails: str = "", at: int = 0, prepare: Prepare = lambda *_: None) -> Ran:
        driver = Driver()
        driver.fail_first, driver.fail_at = fails, at
        prepare(driver, put(monkeypatch, driver))
        monkeypatch.setattr("sys.argv", ["xscan", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        gc.collect()
        captured = capsys.readouterr()
        driver.assert_clean()
        return Ran(int(ended.value.code or 0), captured.out, captured.err, driver)

    with collected():
        yield run
    forget()


@pytest.fixture
def folder(phantoms: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(phantoms, tmp_path / "films"))
