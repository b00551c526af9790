"""An engine that is not for this machine, or not what it says: one line that says what to do, and exit code 4."""

import json
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from xscan.calibration.build_engine.build import build
from xscan.calibration.build_engine.settings import BuildSettings
from xscan.engine.machine import gpu_fit
from xscan.engine.network.sidecar import onnx_path, sha256, sidecar_path

from ...calibration import networks
from ...engine.runtime.fakes.card import put
from ...engine.runtime.fakes.driver import Driver
from ...engine.runtime.fakes.module import TensorRt
from .conftest import Card, Night

pytestmark = pytest.mark.filterwarnings("default")

Modules = dict[str, TensorRt]


class Case(NamedTuple):
    said: str
    engine: Callable[[Path], None] = lambda _: None
    machine: Callable[[Driver, Modules], None] = lambda *_: None
    runtime: str = "tensorrt"


def edited(**changes: Any) -> Callable[[Path], None]:
    def edit(engine: Path) -> None:
        path = sidecar_path(engine)
        content = json.loads(path.read_text(encoding="utf-8"))
        for key, value in changes.items():
            if isinstance(value, dict):
                content[key] |= value
            else:
                content[key] = value
        path.write_text(json.dumps(content), encoding="utf-8")

    return edit


def torn(engine: Path) -> None:
    engine.write_bytes(engine.read_bytes()[:-1000])


def torn_and_hashed(engine: Path) -> None:
    torn(engine)
    edited(sha256={"engine": sha256(engine.read_bytes())})(engine)


def other(*suffixes: str) -> Callable[[Path], None]:
    """Files of an engine of another network in the place of this one's."""

    def swap(engine: Path) -> None:
        model = engine.with_name("other.onnx")
        model.write_bytes(networks.residual(seed=5).SerializeToString())
        with pytest.MonkeyPatch.context() as patch:
            put(patch, Driver())
            build(BuildSettings(model, engine.with_name("other.engine"), "fp32", "tensorrt", max_batch=8))
        for suffix in suffixes:
            shutil.copy(engine.with_name("other.engine" + suffix), engine.with_name(engine.name + suffix))

    return swap


def without(module: str) -> Callable[[Driver, Modules], None]:
    return lambda *_: sys.modules.update({module: None})  # type: ignore[dict-item]


def damaged(engine: Path) -> None:
    sidecar_path(engine).write_text('{"format": 1, ')


def lower(engine: Path) -> None:
    content = json.loads(sidecar_path(engine).read_text(encoding="utf-8"))
    content["manifest"]["rule_out"]["threshold"] = 0.01
    sidecar_path(engine).write_text(json.dumps(content), encoding="utf-8")


CASES = {
    "plan of another network": Case("is not the file that was built", other("")),
    "sidecar of another network": Case("is not the file that was built", other(".json")),
    "graph of another network": Case("is not the file that was built", other(".onnx")),
    "another GPU": Case("here is NVIDIA Another", machine=lambda driver, _: setattr(driver, "name", b"NVIDIA Another")),
    "another version": Case(
        "was built with tensorrt 11.4.0, here is 11.9.1",
        machine=lambda _, trt: setattr(trt["tensorrt"], "__version__", "11.9.1"),
    ),
    "another version, for RTX": Case(
        "was built with tensorrt-rtx", runtime="tensorrt-rtx",
        machine=lambda _, trt: setattr(trt["tensorrt-rtx"], "__version__", "1.8"),
    ),
    "another system": Case("was built on Plan 9", edited(built_for={"system": "Plan 9"})),
    "a torn plan": Case("is not the file that was built", torn),
    "a torn plan with its own hash": Case("TensorRT refuses", torn_and_hashed),
    "a sidecar with other thresholds": Case("was edited", lower),
    "a sidecar with a larger batch": Case("takes no batch of 64", edited(profile={"most": 64})),
    "a sidecar with another runtime": Case("is not a network", edited(runtime="onnxruntime")),
    "a sidecar that is torn": Case("is damaged", damaged),
    "no sidecar": Case("has no", lambda engine: sidecar_path(engine).unlink()),
    "a driver too old": Case(
        "needs an NVIDIA driver for CUDA 13 (580 or later), and here is one for CUDA 12.2",
        machine=lambda driver, _: setattr(driver, "version", 12020),
    ),
    "a card too old": Case(
        "has no use for", machine=lambda driver, _: setattr(driver, "compute_capability", (6, 1))
    ),
    "a card of no use for RTX": Case(
        "has no use for", runtime="tensorrt-rtx",
        machine=lambda driver, _: setattr(driver, "compute_capability", (9, 0)),
    ),
    "no driver": Case("no driver answers here", machine=lambda driver, _: setattr(driver, "fail_first", "cuInit")),
    "no pycuda": Case("pip install pycuda", machine=without("pycuda.driver")),
    "no TensorRT": Case("pip install", machine=without("tensorrt")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_is_one_line_and_code_4(
    night: Night, card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    said, engine, machine, runtime = CASES[name]

    def version(package: str) -> str:
        if "cu13" not in package:
            raise PackageNotFoundError
        return "13"

    monkeypatch.setattr(gpu_fit, "version", version)
    path = tmp_path / "clinic.engine"
    for part in ("", ".json", ".onnx"):
        shutil.copy(
            night.engines[runtime].with_name(night.engines[runtime].name + part), path.with_name(path.name + part)
        )
    assert onnx_path(path).is_file()
    engine(path)
    film = night.films / "virus" / "2.png"
    for command in (("inspect", film, "--engine", path), ("evaluate", path, night.films), ("bench", path, "-q")):
        ran = card(*command, prepare=machine)
        lines = [line for line in ran.said.splitlines() if "warning" not in line]
        assert ran.code == 4, (command, ran.said)
        assert len(lines) == 1, ran.said
        assert lines[0].startswith("xscan: ")
        assert said in lines[0], lines
        assert ran.out == ""


@pytest.mark.parametrize("name", ["another GPU", "a torn plan with its own hash"])
def test_a_batch_ends_before_it_begins(night: Night, card: Card, tmp_path: Path, name: str):
    _, engine, machine, runtime = CASES[name]
    path = tmp_path / "clinic.engine"
    for part in ("", ".json", ".onnx"):
        shutil.copy(
            night.engines[runtime].with_name(night.engines[runtime].name + part), path.with_name(path.name + part)
        )
    engine(path)
    out = tmp_path / "list.csv"
    ran = card("batch", night.films, "--engine", path, "--out", out, "--workers", 1, prepare=machine)
    assert ran.code == 4
    assert sum(line.startswith("xscan: ") for line in ran.said.splitlines()) == 1, ran.said
    assert not out.exists()
