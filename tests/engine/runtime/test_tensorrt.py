"""The TensorRT runtime on stand-ins (see fakes): order of calls, shapes, lanes, failures. And on a real GPU."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from xscan.engine.errors import DeviceLost, EngineError
from xscan.engine.machine import gpu as driver
from xscan.engine.network.sidecar import BuiltFor, Profile, Sidecar
from xscan.engine.runtime import cuda, tensorrt

from ...calibration import networks
from .fakes import Driver, TensorRt

LARGEST = 8
SIDECAR = Sidecar(
    networks.MANIFEST, "tensorrt", "11.4.0", "int8", {"engine": "", "onnx": ""},
    profile=Profile(1, 4, LARGEST), built_for=BuiltFor("RTX 4000", "8.9", "13.0"),
)  # fmt: skip


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Driver:
    fake = Driver()
    monkeypatch.setattr(cuda, "_driver", lambda: fake)
    monkeypatch.setattr(cuda, "_library", lambda: fake)
    monkeypatch.setattr(cuda.CudaGraph, "record", lambda *_: None)  # recording is the real driver's own
    monkeypatch.setattr(tensorrt, "load_module", lambda _: TensorRt(fake, LARGEST))
    return fake


def mean(pictures: np.ndarray) -> np.ndarray:
    return pictures.mean(axis=(1, 2, 3))[:, None] + np.arange(3)


def test_results_are_each_films_own_at_every_batch_size(gpu: Driver):
    runtime = tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan")
    for films in (8, 3, 1, 8, 21):  # full, partial, single, full again, more than the plan takes at once
        pictures = networks.pictures(films, seed=films)
        assert runtime.run(pictures) == pytest.approx(mean(pictures), abs=1e-3)
    assert runtime.description == "tensorrt 11.4.0 int8, RTX 4000"
    runtime.close()


def test_a_partial_batch_runs_at_its_own_shape(gpu: Driver, monkeypatch: pytest.MonkeyPatch):
    trt = TensorRt(gpu, LARGEST)
    monkeypatch.setattr(tensorrt, "load_module", lambda _: trt)
    runtime = tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan", lanes=1)
    runtime.run(networks.pictures(8))
    runtime.run(networks.pictures(8))
    runtime.run(networks.pictures(3))
    assert [shape[0] for shape in trt.shapes] == [LARGEST, 3]  # set once for the largest, then only when it changes
    runtime.close()


def test_lanes_overlap_and_keep_their_films_apart(gpu: Driver):
    runtime = tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan")
    first, second = networks.pictures(4, seed=1), networks.pictures(6, seed=2)
    runtime.start(0, first)
    runtime.start(1, second)  # before the first is finished
    assert runtime.finish(0)["logits"] == pytest.approx(mean(first), abs=1e-3)
    assert runtime.finish(1)["logits"] == pytest.approx(mean(second), abs=1e-3)
    runtime.close()


def test_everything_is_freed_before_the_context_goes(gpu: Driver):
    runtime = tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan")
    runtime.pin(np.zeros(4096, np.uint8))
    runtime.run(networks.pictures(2))
    runtime.close()
    assert gpu.memory == {}
    assert gpu.calls[:2] == ["init", "push"]
    assert gpu.calls[-3:] == ["unregister", "pop", "detach"]
    assert gpu.calls.count("free") == 4  # two lanes, input and output


def test_a_refused_plan_says_what_tensorrt_said_and_leaves_nothing_behind(gpu: Driver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tensorrt, "load_module", lambda _: TensorRt(gpu, LARGEST, refuse=True))
    with pytest.raises(EngineError, match=r"TensorRT refuses x\.engine: the plan was made for another device; use"):
        tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan")
    assert gpu.calls[-2:] == ["pop", "detach"]


def test_a_batch_beyond_the_profile_is_refused(gpu: Driver):
    runtime = tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan")
    with pytest.raises(EngineError, match="--max-batch"):
        runtime.start(0, networks.pictures(LARGEST + 1))
    runtime.close()


def test_a_lost_device_is_reported_as_such(gpu: Driver):
    runtime = tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan")
    gpu.broken = True
    with pytest.raises(DeviceLost, match="stopped answering"):
        runtime.run(networks.pictures(2))
    gpu.broken = False
    runtime.close()


def test_missing_pycuda_names_the_install():
    try:
        import pycuda  # noqa: F401

        pytest.skip("pycuda is installed")
    except ImportError:
        pass
    with pytest.raises(EngineError, match="pip install pycuda"):
        cuda.Device()


def test_without_a_driver_the_probe_says_none_and_does_not_crash():
    driver.probe.cache_clear()
    found = driver.probe()
    assert found is None or found.compute_capability


@pytest.mark.gpu
def test_staging_and_streams_on_a_real_gpu():
    """Copies through pinned memory and two streams, with no engine between: what goes in comes out."""
    if driver.probe() is None:
        pytest.skip("no NVIDIA GPU")
    pytest.importorskip("pycuda")
    device = cuda.Device()
    lanes = [(device.stream(), device.pinned((8, 64, 64, 1), np.uint8), device.buffer(8 * 64 * 64)) for _ in range(2)]
    landed = [device.pinned((8, 64, 64, 1), np.uint8) for _ in lanes]
    shared = mmap.mmap(-1, 8 * 64 * 64)
    assert device.register(np.frombuffer(shared, np.uint8))
    for number, (stream, pixels, memory) in enumerate(lanes):
        pixels[...] = number + 1
        stream.to_device(memory, pixels)
        stream.to_host(landed[number], memory)
    for number, (stream, *_) in enumerate(lanes):
        stream.wait()
        assert (landed[number] == number + 1).all()
    del lanes, landed, stream, pixels, memory
    device.close()


@pytest.mark.gpu
@pytest.mark.parametrize("runtime", ["tensorrt", "tensorrt-rtx"])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_an_engine_on_a_real_gpu_answers_like_onnx_runtime(tmp_path: Path, runtime: str, precision: str):
    """The whole way: calibrate, build, open, run; all of it repeated at a partial and a full batch."""
    import cv2

    from xscan.calibration.acceptance.verdict import Tolerances
    from xscan.calibration.build_engine.build import build
    from xscan.calibration.build_engine.settings import BuildSettings
    from xscan.engine.runtime.compile import available
    from xscan.engine.runtime.open import open_runtime

    if driver.probe() is None or not available(runtime):
        pytest.skip(f"no NVIDIA GPU, or no {runtime}")
    films = tmp_path / "films"
    films.mkdir()
    for number, picture in enumerate(networks.pictures(32)):
        cv2.imwrite(str(films / f"{number}.png"), picture[:, :, 0])
    model = tmp_path / "small.onnx"
    model.write_bytes(networks.residual().SerializeToString())
    out = tmp_path / "small.engine"
    limits = Tolerances(*[1] * 9)
    build(BuildSettings(model, out, precision, runtime, calibrate=films, films=32, limits=limits))
    engine = open_runtime(out)
    for number in (3, 8, 8, 8, 40):  # the third run of a size is the first from a recorded graph
        pictures = networks.pictures(number, seed=number)
        expected = open_runtime(out.with_name("small.engine.onnx")).run(pictures)
        assert np.abs(engine.run(pictures) - expected).max() < 0.05 * np.ptp(expected)
    engine.close()  # type: ignore[attr-defined]
