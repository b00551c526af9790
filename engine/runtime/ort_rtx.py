"""ONNX Runtime with NVIDIA's plugin of TensorRT for RTX (`pip install 'xscan[ort-rtx]'`).

TensorRT's speed with no pycuda, nvcc or compiler, for RTX cards from Ampere on. The engine is the ONNX graph itself,
with its FP16 and INT8 written in; the plugin compiles it when it is opened, and keeps its kernels in a folder beside
it.
Options are the plugin's own (its tensorrt_rtx_provider_options.h, 0.5.0).
"""

import functools
import importlib
import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import onnxruntime

from ..errors import EngineError
from ..machine.gpu import probe
from ..machine.install import pip_line
from ..network.sidecar import Profile
from .onnx import OnnxRuntime

PACKAGE = "onnxruntime-ep-nv-tensorrt-rtx-cu13"
MODULE = "onnxruntime_ep_nv_tensorrt_rtx"
PROVIDER = "NvTensorRTRTXExecutionProvider"
ADVICE = pip_line("xscan[ort-rtx]")
log = logging.getLogger("xscan")


def plugin_version() -> str:
    """Of the installed plugin; raises EngineError that names the install."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        raise EngineError(f"ort-rtx is not installed here: {ADVICE}") from None


def missing() -> str:
    """What keeps the plugin from being loaded here, as the rest of a sentence about an engine; empty if nothing."""
    try:
        plugin_version()
    except EngineError as error:
        return f"needs ort-rtx: {error}"
    return ""


def cache_folder(engine: Path) -> Path:
    """The plugin's folder of compiled kernels for an engine."""
    return engine.with_name(engine.name + ".rtx-cache")


def provider_options(profile: Profile, side: tuple[int, int], name: str, cache: Path | None) -> dict[str, str]:
    """What the plugin is told. side: height, width. name: of the graph's input."""
    shapes = {
        key: f"{name}:{films}x{side[0]}x{side[1]}x1"
        for key, films in (("min", profile.least), ("opt", profile.best), ("max", profile.most))
    }
    options = {f"nv_profile_{key}_shapes": shape for key, shape in shapes.items()}
    if cache is not None:
        options["nv_runtime_cache_path"] = str(cache)
    return options


class OrtRtxRuntime(OnnxRuntime):
    """See xscan.engine.runtime.protocol.Runtime. One lane; opens on the machine's first NVIDIA GPU."""

    def __init__(self, path: Path, content: bytes, profile: Profile, cache: Path | None = None) -> None:
        """content: bytes whose hash was checked. Raises EngineError."""
        self._profile, self._cache = profile, cache
        super().__init__(path, content)
        self.description = f"onnxruntime {onnxruntime.__version__} TensorRT for RTX {plugin_version()}"

    def _make_session(self, path: Path, content: bytes) -> onnxruntime.InferenceSession:
        from ..network.whole import input_of, manifest_inside

        device = _device()
        spec = manifest_inside(path.name, content).input
        told = provider_options(self._profile, (spec.height, spec.width), input_of(path.name, content), self._cache)
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")  # all of it on the GPU, or none
        options.add_provider_for_devices([device], told)
        return onnxruntime.InferenceSession(content, options)


@functools.cache
def _device() -> Any:
    """The plugin's device. Raises EngineError: not installed, no driver, no GPU that it serves."""
    plugin_version()
    if probe() is None:  # the driver is asked first: without one the plugin refuses in many lines
        raise EngineError("ort-rtx needs an NVIDIA GPU, and no driver answers here")
    try:
        plugin = importlib.import_module(MODULE)
        onnxruntime.register_execution_provider_library(PROVIDER, plugin.get_library_path())
        found = [device for device in onnxruntime.get_ep_devices() if device.ep_name == PROVIDER]
    except Exception as error:  # ONNX Runtime's own error type is private
        log.debug("plugin of TensorRT for RTX: %s", error)
        raise EngineError(f"ort-rtx does not load here: update the NVIDIA driver, or {ADVICE}") from None
    if not found:
        raise EngineError("ort-rtx finds no GPU that it serves here")
    return found[0]
