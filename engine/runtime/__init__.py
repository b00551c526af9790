"""Run a network: uint8 pictures in, logits out. One family a module; heavy imports happen when one is opened."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import EngineError
from ..network import models
from ..network.manifest import Manifest

if TYPE_CHECKING:
    import numpy as np


class Runtime(Protocol):
    manifest: Manifest
    description: str  #: for the run report, for example `onnxruntime 1.23 CPU`

    def run(self, pictures: "np.ndarray") -> "np.ndarray":
        """uint8 [films, height, width, 1] -> float32 logits [films, 3]. Raises EngineError."""
        ...

    def outputs(self, pictures: "np.ndarray") -> "dict[str, np.ndarray]":
        """The same films, everything that the network says: `logits`, and where it has them `maps`
        [films, h, w, 3] and `gate` [films, scores] (xscan.engine.triage.gate). Raises EngineError."""
        ...


def shipped() -> tuple[str, ...]:
    """Names of the networks inside the package."""
    return tuple(sorted(f.name[: -len(".onnx")] for f in files(models).iterdir() if f.name.endswith(".onnx")))


def find_engine(engine: str) -> Path:
    """The file of a path or of a shipped network's name. Raises EngineError."""
    if engine in shipped():
        return Path(str(files(models) / f"{engine}.onnx"))
    path = Path(engine)
    if path.is_file():
        return path
    raise EngineError(f"no engine '{engine}': give a file, or one of {', '.join(shipped())}")


def open_runtime(path: Path) -> Runtime:
    """Load the network or built engine in `path`. Raises EngineError."""
    from ..network.sidecar import is_built
    from .engines import open_engine

    if is_built(path):
        return open_engine(path)
    from .onnx import OnnxRuntime

    return OnnxRuntime(path)


def fingerprint(path: Path) -> str:
    """sha256 of an engine's file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
