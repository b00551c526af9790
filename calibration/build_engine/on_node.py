"""The engine of a network for the card of whichever machine this runs on, built on first use and kept."""

import re
from pathlib import Path

from filelock import FileLock

from xscan.engine.errors import EngineError
from xscan.engine.machine.gpu import Gpu, probe
from xscan.engine.network.sidecar import read_proven, read_sidecar, read_whole, sha256
from xscan.engine.runtime.choose import make_folder, place_of
from xscan.engine.runtime.fits import why_not_here

from .build import build
from .plan import choose_runtime
from .settings import BuildSettings

PRECISION = "fp16"  #: on every card: what `auto` takes would hang on the card, and rows on the node


def engine_here(network: Path) -> Path:
    """The engine that was built here of this network for this kind of card, or a new one: one is built at a time.

    Raises EngineError: there is no card, no TensorRT for it, or the network was not accepted in this precision.
    """
    gpu = probe()
    if gpu is None or choose_runtime("auto") == "onnxruntime":
        raise EngineError(
            "no NVIDIA GPU answers here, or no TensorRT for it is installed: run xscan doctor on the node"
        )
    source = sha256(read_whole(network))
    path = place_of(_name(network, gpu, source))
    make_folder(path.parent)
    with FileLock(path.with_name(path.name + ".lock")):
        if not _is_good(path, source):
            build(BuildSettings(model=network, out=path, precision=PRECISION))
    return path


def _name(network: Path, gpu: Gpu, source: str) -> str:
    card = re.sub(r"[^a-z0-9]+", "-", gpu.name.lower()).strip("-")
    return f"{network.stem}-{card}-{gpu.compute_capability}-{source[:12]}"


def _is_good(path: Path, source: str) -> bool:
    try:
        sidecar = read_sidecar(path)
        if sidecar.sha256.get("source") != source or sidecar.precision != PRECISION or why_not_here(sidecar):
            return False
        read_proven(path, sidecar)
    except EngineError:
        return False
    return True
