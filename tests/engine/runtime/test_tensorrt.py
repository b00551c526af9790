"""The TensorRT runtime on strict stand-ins (see fakes): order of calls, shapes, lanes, failures. And on a real GPU."""

import gc
import itertools
import mmap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xscan.engine.errors import DeviceLost, EngineError
from xscan.engine.machine import gpu as driver
from xscan.engine.network.sidecar import BuiltFor, Profile, Sidecar
from xscan.engine.runtime import cuda, tensorrt

from ...calibration import networks
from .fakes.card import collected, forget, put
from .fakes.driver import Driver

LARGEST = 8
ORDER = (8, 3, 8, 1, 8, 8, 8)
SIDECAR = Sidecar(
    networks.MANIFEST, "tensorrt", "11.4.0", "int8", {"engine": "", "onnx": ""},
    profile=Profile(1, 4, LARGEST), built_for=BuiltFor("RTX 4000", "8.9", "13.0"),
)  # fmt: skip
RTX = replace(SIDECAR, runtime="tensorrt-rtx")


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    with collected():
        yield


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    fake = Driver()
    put(monkeypatch, fake)
    yield fake
    gc.collect()
    fake.assert_clean()
    forget()


def mean(pictures: np.ndarray) -> np.ndarray:
    return pictures.mean(axis=(1, 2, 3))[:, None] + np.arange(3)


def numbered(number: int) -> np.ndarray:
    return networks.pictures(number, seed=number)


def work(sidecar: Sidecar, cache: Path | None = None) -> None:
    """All that a night does: single runs of all sizes, then two lanes at once, in the order that breaks graphs."""
    with tensorrt.TensorRtRuntime("x.engine", sidecar, b"plan", cache=cache) as runtime:
        runtime.pin(np.zeros(4096, np.uint8))
        results = [(runtime.run(pictures), pictures) for pictures in map(numbered, ORDER)]
        for one, two in itertools.pairwise(ORDER):
            first, second = networks.pictures(one, seed=1), networks.pictures(two, seed=2)
            runtime.start(0, first)
            runtime.start(1, second)
            for lane, pictures in enumerate((first, second)):
                results.append((runtime.finish(lane)["logits"], pictures))
    for logits, pictures in results:  # looked at after all: results are the caller's own
        assert logits == pytest.approx(mean(pictures), abs=1e-3)


@pytest.mark.parametrize("sidecar", [SIDECAR, RTX], ids=["tensorrt", "tensorrt-rtx"])
def test_a_nights_work_breaks_no_rule(gpu: Driver, sidecar: Sidecar, tmp_path: Path):
    work(sidecar, tmp_path / "x.kernels")
    assert ("graph launch" in gpu.calls) is (sidecar is SIDECAR)  # TensorRT for RTX records by itself


def test_a_full_batch_is_recorded_once_a_lane_and_replayed(gpu: Driver):
    work(SIDECAR)
    assert gpu.calls.count("begin capture") == gpu.calls.count("instantiate") == 2
    assert gpu.calls.count("graph launch") > 4


@pytest.mark.parametrize("sidecar", [SIDECAR, RTX], ids=["tensorrt", "tensorrt-rtx"])
def test_whatever_call_fails_nothing_is_left_and_it_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, sidecar: Sidecar, tmp_path: Path
):
    whole = Driver()
    put(monkeypatch, whole)
    work(sidecar, tmp_path / "x.kernels")
    ended, went_on = 0, set()
    for number in range(1, len(whole.calls) + 1):
        fake = Driver()
        fake.fail_at = number
        put(monkeypatch, fake)
        try:
            work(sidecar, tmp_path / "x.kernels")
        except EngineError as error:
            said = str(error)
            ended += said.isprintable()
        else:
            went_on.add(fake.calls[number - 1])
        gc.collect()
        fake.assert_clean()
    assert ended > 50
    assert went_on <= {
        "register", "unregister", "begin capture", "end capture", "instantiate", "graph destroy", "exec destroy", "pop",
        "detach", "cache serialize", "cache deserialize", "execute in a capture",
        "synchronize",  # at the close
    }  # fmt: skip


def test_a_partial_batch_runs_at_its_own_shape(gpu: Driver, monkeypatch: pytest.MonkeyPatch):
    trt = put(monkeypatch, gpu)["tensorrt"]
    with tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan", lanes=1) as runtime:
        for number in (8, 8, 3, 3, 8, 2):
            runtime.run(networks.pictures(number))
    assert [shape[0] for shape in trt.shapes] == [LARGEST, 3, 2]  # the largest once and for all
    assert trt.ran == [LARGEST, 3, 3, 2]


def test_a_runtime_that_nobody_closed_is_popped_at_exit(gpu: Driver):
    device = cuda.Device()
    device.close()
    device.close()
    assert gpu.calls.count("pop") == 1


def test_kernels_are_kept_and_used_only_for_their_own_plan(
    gpu: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    path = tmp_path / "x.engine.kernels"
    work(RTX, path)
    assert path.read_bytes().endswith(b"kernels")
    assert "cache deserialize" not in gpu.calls
    work(RTX, path)
    assert gpu.calls.count("cache deserialize") == 1
    path.write_bytes(path.read_bytes().replace(b"kernels", b"evil co"))
    work(RTX, path)
    work(replace(RTX, sha256={"engine": "another", "onnx": ""}), path)
    assert gpu.calls.count("cache deserialize") == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_refused_plan_says_what_tensorrt_said_and_leaves_nothing_behind(gpu: Driver, monkeypatch: pytest.MonkeyPatch):
    put(monkeypatch, gpu)["tensorrt"].refuse = True
    with pytest.raises(EngineError, match=r"TensorRT refuses x\.engine: the plan was made for another device; use"):
        tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan")
    assert gpu.calls[-2:] == ["pop", "detach"]


def test_a_batch_beyond_the_profile_is_refused(gpu: Driver):
    with (
        tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan") as runtime,
        pytest.raises(EngineError, match="--max-batch"),
    ):
        runtime.start(0, networks.pictures(LARGEST + 1))


def test_a_lost_device_is_reported_as_such(gpu: Driver):
    with tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan") as runtime:
        gpu.lost = True
        with pytest.raises(DeviceLost, match="stopped answering"):
            runtime.run(networks.pictures(2))
        gpu.lost = False


def test_the_layers_that_the_compiler_made_are_told(gpu: Driver):
    with tensorrt.TensorRtRuntime("x.engine", SIDECAR, b"plan") as runtime:
        assert runtime.layer_table() == {"stem": "Int8"}


def test_missing_pycuda_names_the_install():
    try:
        import pycuda  # noqa: F401  # pyright: ignore[reportMissingImports]  # of the extra tensorrt

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
    stream = pixels = memory = None
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
