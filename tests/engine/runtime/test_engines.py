"""Opening a built engine: only what was built, only where it runs, and in one line why not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xscan.engine.errors import EngineError, StorageError
from xscan.engine.machine.gpu import Gpu
from xscan.engine.network.sidecar import BuiltFor, Sidecar, onnx_path, read_sidecar, sha256, sidecar_path, write_engine
from xscan.engine.runtime import compile as compiling
from xscan.engine.runtime import engines, fits, rebuild
from xscan.engine.runtime.open import open_runtime
from xscan.engine.runtime.show import describe_engine, describe_network

from ...calibration import networks
from .fakes.card import forget, put
from .fakes.driver import NAME, Driver

HERE = Gpu("RTX 4000", "8.9", "13.0", 20 << 30)


class FakeTensorRt:
    __version__ = "11.4.0"


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A float32 engine for ONNX Runtime."""
    path = tmp_path / "small.engine"
    content = networks.residual().SerializeToString()
    hashes = {"engine": sha256(content), "onnx": sha256(content)}
    sidecar = Sidecar(networks.MANIFEST, "onnxruntime", "1.30", "fp32", hashes, layers={"a1": "fp32"})
    write_engine(path, content, content, sidecar)
    return path


def see_gpu(monkeypatch: pytest.MonkeyPatch, gpu: Gpu | None) -> None:
    for module in (engines, fits, rebuild):
        monkeypatch.setattr(module, "probe", lambda: gpu)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU and TensorRT 11.4, as far as the checks see."""
    see_gpu(monkeypatch, HERE)
    monkeypatch.setattr(compiling, "load_module", lambda _: FakeTensorRt)


def plan(engine: Path, **changes: object) -> Path:
    """Turn the engine into one that says it is a TensorRT plan."""
    built_for = BuiltFor("RTX 4000", "8.9", "13.0")
    sidecar = replace(read_sidecar(engine), runtime="tensorrt", runtime_version="11.4.0", built_for=built_for)
    sidecar_path(engine).write_text(replace(sidecar, **changes).to_json())
    return engine


def test_an_engine_answers_like_its_network(engine: Path):
    pictures = networks.pictures(4)
    runtime = open_runtime(engine)
    assert runtime.manifest == networks.MANIFEST
    assert np.array_equal(runtime.run(pictures), open_runtime(onnx_path(engine)).run(pictures))


def test_a_changed_engine_is_never_loaded(engine: Path, monkeypatch: pytest.MonkeyPatch):
    engine.write_bytes(engine.read_bytes() + b"x")
    monkeypatch.setattr("xscan.engine.runtime.onnx.OnnxRuntime", None)  # reaching it would fail otherwise
    with pytest.raises(EngineError, match="not the file that was built"):
        open_runtime(engine)


def test_an_engine_without_its_sidecar_is_refused(engine: Path):
    sidecar_path(engine).unlink()
    with pytest.raises(EngineError, match=r"has no small\.engine\.json"):
        open_runtime(engine)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_sidecar_is_one_sentence(engine: Path, text: str):
    sidecar_path(engine).write_text(text)
    with pytest.raises(EngineError, match="again"):
        open_runtime(engine)


def test_an_edited_manifest_is_never_used(engine: Path):
    content = json.loads(sidecar_path(engine).read_text())
    content["manifest"]["rule_in"]["threshold"] = 0.3
    sidecar_path(engine).write_text(json.dumps(content))
    with pytest.raises(EngineError, match="was edited"):
        open_runtime(engine)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("manifest.temperature", -1), ("manifest.temperature", 0), ("manifest.rule_in.threshold", 1.5),
        ("manifest.input.height", 0), ("precision", "int4"), ("profile.most", 0), ("profile.best", 99),
        ("sha256.engine", "abc"), ("built_for.portable", "yes"), ("built_for.compute_capability", "eight"),
        ("layers", []), ("runtime", "magic"), ("gate", 7),
    ],
)  # fmt: skip
def test_a_sidecar_out_of_range_is_refused(engine: Path, place: str, value: object):
    content = json.loads(sidecar_path(engine).read_text())
    *way, last = place.split(".")
    part = content
    for key in way:
        part = part[key]
    part[last] = value
    sidecar_path(engine).write_text(json.dumps(content))
    with pytest.raises(EngineError):
        open_runtime(engine)


def test_a_plan_without_a_gpu_never_reaches_tensorrt(engine: Path, monkeypatch: pytest.MonkeyPatch):
    see_gpu(monkeypatch, None)
    monkeypatch.setattr(compiling, "load_module", lambda _: pytest.fail("TensorRT was asked without a driver"))
    with pytest.raises(EngineError, match="needs an NVIDIA GPU"):
        open_runtime(plan(engine))


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"runtime_version": "10.13.3"}, "was built with tensorrt 10.13.3, here is 11.4.0: use --rebuild"),
        ({"runtime_version": "10.13.3", "built_for": BuiltFor("A", "8.0", "12", portable=True)}, ""),
        ({"runtime_version": "9.3.0", "built_for": BuiltFor("A", "8.0", "12", portable=True)}, "was built with"),
        ({"built_for": BuiltFor("RTX 4000", "8.9", "13.0", system="Plan 9")}, "was built on Plan 9"),
        ({"runtime_version": "11.9.0", "built_for": BuiltFor("A", "8.0", "12", portable=True)}, "was built with"),
        ({"built_for": BuiltFor("RTX 3060", "8.6", "13.0")}, "was built for RTX 3060 (compute capability 8.6)"),
        ({"built_for": BuiltFor("RTX 4000 Mobile", "8.9", "13.0")}, "was built for RTX 4000 Mobile"),
        ({"built_for": BuiltFor("GTX 1660", "7.5", "13.0", portable=True)}, "was built for GTX 1660"),
        ({"runtime": "tensorrt-rtx", "built_for": BuiltFor()}, ""),
        ({"runtime": "tensorrt-rtx", "runtime_version": "11.3.0"}, "was built with tensorrt-rtx 11.3.0"),
    ],
)
def test_another_version_or_gpu_is_named(engine: Path, changes: dict, reason: str):
    found = fits.why_not_here(read_sidecar(plan(engine, **changes)))
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


def test_a_damaged_engine_is_rebuilt_from_the_onnx_beside_it(engine: Path):
    whole = engine.read_bytes()
    assert not rebuild.rebuild_if_needed(engine, lambda _: None)
    engine.write_bytes(b"half of it")
    said: list[str] = []
    assert rebuild.rebuild_if_needed(engine, said.append)
    assert engine.read_bytes() == whole
    assert said == ["small.engine is damaged; building it again"]
    open_runtime(engine)


def test_a_rebuild_trusts_only_the_onnx_that_was_built_from(engine: Path):
    engine.write_bytes(b"half of it")
    onnx_path(engine).write_bytes(networks.residual(seed=3).SerializeToString())
    with pytest.raises(EngineError, match=r"small\.engine\.onnx is not the file"):
        rebuild.rebuild_if_needed(engine, lambda _: None)


def test_a_plan_is_not_rebuilt_where_there_is_no_gpu(engine: Path, monkeypatch: pytest.MonkeyPatch):
    see_gpu(monkeypatch, None)
    with pytest.raises(EngineError, match="needs an NVIDIA GPU"):
        rebuild.rebuild_if_needed(plan(engine), lambda _: None)


def test_a_plan_of_another_version_is_rebuilt_for_this_machine(engine: Path, monkeypatch: pytest.MonkeyPatch):
    driver = Driver()
    put(monkeypatch, driver)
    plan(engine, runtime_version="10.13.3")
    assert rebuild.rebuild_if_needed(engine, lambda _: None)
    sidecar = read_sidecar(engine)
    assert (sidecar.runtime_version, sidecar.built_for.gpu) == ("11.4.0", NAME.decode())
    assert sidecar.sha256["engine"] == sha256(engine.read_bytes())
    assert fits.why_not_here(sidecar) == ""
    assert not rebuild.rebuild_if_needed(engine, lambda _: None)
    driver.assert_clean()
    forget()


def test_a_forced_engine_is_doubted(engine: Path):
    plan(engine, gate={"accepted": False, "forced": True})
    assert any("refused by its gate" in doubt for doubt in fits.doubts(engine))


def test_an_int8_engine_on_a_processor_without_vnni_is_doubted(engine: Path, monkeypatch: pytest.MonkeyPatch):
    for bits, exact, doubted in ((8, False, True), (7, False, False), (8, True, False)):
        monkeypatch.setattr(fits, "int8_is_exact", lambda exact=exact: exact)
        plan(engine, runtime="onnxruntime", calibration={"weight_bits": bits})
        assert any("8-bit weights" in doubt for doubt in fits.doubts(engine)) is doubted


def test_show_says_what_it_is_and_whether_it_runs(engine: Path, monkeypatch: pytest.MonkeyPatch):
    data = describe_engine(engine)
    assert (data["precision"], data["runs_here"], data["can_rebuild"]) == ("fp32", True, True)
    assert data["layers"] == {"a1": "fp32"}
    engine.write_bytes(b"other")
    assert describe_engine(engine)["runs_here"] is False
    see_gpu(monkeypatch, None)
    assert "NVIDIA GPU" in describe_engine(plan(engine))["reason"]
    assert describe_network(onnx_path(engine))["manifest"]["name"] == "small"


def test_a_failed_write_leaves_no_half_engine(engine: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = engine.read_bytes()
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(StorageError, match="disk is full"):
        write_engine(engine, b"new", b"new", read_sidecar(engine))
    assert engine.read_bytes() == before
    assert not [path for path in engine.parent.iterdir() if ".tmp." in path.name]
