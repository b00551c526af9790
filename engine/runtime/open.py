"""Find a network or engine by its name or path, and open it; heavy imports happen when one is opened."""

from importlib.resources import files
from pathlib import Path

from ..errors import EngineError
from ..network import models
from ..network.manifest import Manifest
from ..network.sidecar import is_built, read_sidecar
from .protocol import Runtime


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
    """Load the network or built engine in `path`, for a `with`. Raises EngineError."""
    from .engines import open_engine

    return open_engine(path)


def manifest_of_engine(path: Path) -> Manifest:
    """What a network or built engine says of itself; a built one is not opened for it. Raises EngineError."""
    if is_built(path):
        return read_sidecar(path).manifest
    with open_runtime(path) as runtime:
        return runtime.manifest
