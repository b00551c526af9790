"""Open a network or a built engine (NAME.engine with its NAME.engine.json), or say in one line why not.

Order matters: the driver is asked first (some TensorRT libraries crash without one), then the sidecar, then the
plan's hash; only then are the bytes handed to a runtime, because loading a plan runs code that is in it.
"""

import contextlib
import functools
import logging
from collections.abc import Generator
from pathlib import Path

from ..errors import EngineError
from ..machine.gpu import probe
from ..network.sidecar import Sidecar, is_built, read_proven, read_sidecar
from .fits import require_same_manifest, why_not_here
from .protocol import LaneRuntime, Runtime
from .trial import require_answers

CUDA_PROVIDER = "CUDAExecutionProvider"
log = logging.getLogger("xscan")


def open_engine(path: Path, gpu: bool = False) -> Runtime:
    """A plain network, or a built engine. gpu: a plain network on ONNX Runtime's CUDA provider.

    Raises EngineError: wrong machine, wrong version, damaged, not what was built, or no network of xscan.
    """
    runtime = _open_built(path, read_sidecar(path)) if is_built(path) else _open_plain(path, gpu)
    with contextlib.ExitStack() as opened:
        opened.enter_context(runtime)
        require_answers(runtime, path.name)
        opened.pop_all()
    return runtime


def has_one_owner(path: Path) -> bool:
    """Must one process run it for all, because it runs on the machine's GPU? Raises EngineError."""
    if is_built(path):
        return read_sidecar(path).runtime != "onnxruntime"
    return _cuda_works(path)


def open_lanes(path: Path) -> LaneRuntime:
    """The engine for the thread that makes this call and scores for all. Raises EngineError."""
    from .lanes import OneLane
    from .tensorrt import TensorRtRuntime

    runtime = open_engine(path, gpu=not is_built(path) and _cuda_works(path))
    return runtime if isinstance(runtime, TensorRtRuntime) else OneLane(runtime)


def _open_plain(path: Path, gpu: bool) -> Runtime:
    from .onnx import OnnxRuntime

    return OnnxRuntime(path, gpu=gpu)


def _open_built(path: Path, sidecar: Sidecar) -> Runtime:
    if reason := why_not_here(sidecar):
        raise EngineError(f"{path.name} {reason}")
    return open_content(path, sidecar, read_proven(path, sidecar))


def open_content(path: Path, sidecar: Sidecar, content: bytes) -> Runtime:
    """An engine from bytes whose origin is known: proven, or built a moment ago. What a runtime keeps goes beside path.

    Raises EngineError.
    """
    if sidecar.runtime == "onnxruntime":
        from .onnx import OnnxRuntime

        runtime = OnnxRuntime(path, content)
        require_same_manifest(path, sidecar, runtime.manifest)
        return runtime
    require_same_manifest(path, sidecar)
    if sidecar.runtime == "ort-rtx":
        from .ort_rtx import OrtRtxRuntime, cache_folder

        return OrtRtxRuntime(path, content, sidecar.profile, cache_folder(path))
    from .rtx_cache import cache_path
    from .tensorrt import TensorRtRuntime

    return TensorRtRuntime(path.name, sidecar, content, cache=cache_path(path))


@contextlib.contextmanager
def tried(name: str, sidecar: Sidecar, content: bytes, keeps: Path) -> Generator[Runtime]:
    """An engine that was built a moment ago and is nowhere written yet, opened here to see what it is worth.

    keeps: a folder for what its runtime keeps. Raises EngineError, also where it gives no answers.
    """
    path = keeps / name
    with open_content(path, sidecar, content) as runtime:
        require_answers(runtime, name)
        yield runtime


@functools.cache
def _cuda_works(path: Path) -> bool:
    """Does a plain network answer on ONNX Runtime's CUDA provider? Asked by running it there.

    That the provider was compiled in says nothing: without cuDNN it gives way to one thread of the processor.
    """
    if probe() is None:
        return False
    import onnxruntime

    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        return False
    try:
        with contextlib.suppress(Exception):  # CUDA's own libraries, from NVIDIA's packages where they are installed
            onnxruntime.preload_dlls()
        with _open_plain(path, gpu=True) as runtime:
            require_answers(runtime, path.name)
    except EngineError as error:
        log.warning("the GPU is not used: %s", error)
        return False
    return True
