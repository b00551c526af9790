"""ONNX Runtime's plugin of TensorRT for RTX, as far as it goes without a GPU: built, described, refused in one line."""

from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest

from xscan.engine.errors import EngineError
from xscan.engine.machine import gpu as driver
from xscan.engine.machine.gpu import Gpu
from xscan.engine.network.sidecar import BuiltFor, Profile, Sidecar, sha256, write_engine
from xscan.engine.runtime import fits, ort_rtx
from xscan.engine.runtime.open import open_runtime

from ...calibration import networks

CONTENT = networks.residual().SerializeToString()
SIDECAR = Sidecar(
    networks.MANIFEST, "ort-rtx", "0.5.0", "int8", dict.fromkeys(("engine", "onnx"), sha256(CONTENT)),
    profile=Profile(1, 8, 32), built_for=BuiltFor("RTX 3060", "8.6", "13.0"),
)  # fmt: skip


def test_the_plugin_is_told_sizes_and_its_cache(tmp_path: Path) -> None:
    told = ort_rtx.provider_options(Profile(1, 8, 32), (160, 192), "pixels", tmp_path / "k")
    assert told == {
        "nv_profile_min_shapes": "pixels:1x160x192x1", "nv_profile_opt_shapes": "pixels:8x160x192x1",
        "nv_profile_max_shapes": "pixels:32x160x192x1", "nv_runtime_cache_path": str(tmp_path / "k"),
    }  # fmt: skip


def test_the_options_are_the_plugins_own() -> None:
    plugin = pytest.importorskip(ort_rtx.MODULE)
    header = (Path(plugin.__file__).parent / "tensorrt_rtx_provider_options.h").read_text(encoding="utf-8")
    for option in ort_rtx.provider_options(Profile(), (8, 8), "pixels", Path("k")):
        assert f'"{option}"' in header
    assert plugin.get_ep_name() == ort_rtx.PROVIDER


@pytest.mark.skipif(driver.probe() is not None, reason="a GPU is here")
def test_without_a_driver_registering_fails_and_the_process_lives() -> None:
    plugin = pytest.importorskip(ort_rtx.MODULE)
    with pytest.raises(Exception, match="libcuda"):
        onnxruntime.register_execution_provider_library(ort_rtx.PROVIDER, plugin.get_library_path())


def test_an_engine_for_it_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.engine"
    write_engine(path, CONTENT, CONTENT, SIDECAR)
    monkeypatch.setattr(fits, "probe", lambda: None)
    with pytest.raises(EngineError, match="needs an NVIDIA GPU"):
        open_runtime(path)
    for gpu, why in (
        (Gpu("GTX 1660", "7.5", "13.0", 1), "no use for GTX 1660"),
        (Gpu("H100", "9.0", "13.0", 1), "no use for H100"),
    ):
        monkeypatch.setattr(fits, "probe", lambda gpu=gpu: gpu)
        with pytest.raises(EngineError, match=why):
            open_runtime(path)


def test_an_old_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(ort_rtx.MODULE)
    monkeypatch.setattr(fits, "probe", lambda: Gpu("RTX 3060", "8.6", "12.4", 1))
    assert "driver for CUDA 13 (580 or later), and here is one for CUDA 12.4" in fits.why_not_here(SIDECAR)
    monkeypatch.setattr(fits, "probe", lambda: Gpu("RTX 3060", "8.6", "13.0", 1))
    assert fits.why_not_here(SIDECAR) == ""
    monkeypatch.setattr(ort_rtx, "PACKAGE", "no-such-package")
    assert "pip install 'xscan[ort-rtx]'" in fits.why_not_here(replace(SIDECAR))
