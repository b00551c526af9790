"""Open a built engine (NAME.engine with its NAME.engine.json), or say in one line why not; build it again.

Order matters: the driver is asked first (some TensorRT libraries crash without one), then the sidecar, then the
plan's hash; only then are the bytes handed to a runtime, because loading a plan runs code that is in it.
"""

from pathlib import Path
from typing import Any

from ..errors import EngineError
from ..machine.gpu import probe
from ..network.sidecar import is_built, read_proven, read_sidecar
from .fits import why_not_here
from .protocol import Runtime


def open_engine(path: Path) -> Runtime:
    """Raises EngineError: wrong machine, wrong version, damaged, or not what was built."""
    sidecar = read_sidecar(path)
    if reason := why_not_here(sidecar):
        raise EngineError(f"{path.name} {reason}")
    content = read_proven(path, sidecar)
    if sidecar.runtime == "onnxruntime":
        from .onnx import OnnxRuntime

        return OnnxRuntime(path, content)
    from .tensorrt import TensorRtRuntime

    return TensorRtRuntime(path.name, sidecar, content)


def has_one_owner(path: Path) -> bool:
    """Must one process run it for all, because it runs on the machine's GPU? Raises EngineError."""
    if is_built(path):
        return read_sidecar(path).runtime != "onnxruntime"
    return _cuda_provider()


def open_lanes(path: Path) -> Any:
    """The engine as a scoring.LaneRuntime, for the thread that makes this call. Raises EngineError."""
    from .lanes import OneLane
    from .onnx import OnnxRuntime

    if is_built(path):
        runtime = open_engine(path)
        return runtime if hasattr(runtime, "lanes") else OneLane(runtime)
    return OneLane(OnnxRuntime(path, gpu=_cuda_provider()))


def _cuda_provider() -> bool:
    """Is there an NVIDIA GPU, and an ONNX Runtime that was built for it?"""
    if probe() is None:
        return False
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()
