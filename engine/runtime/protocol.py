"""What a runtime is: uint8 pictures in; logits, class maps and gate scores out.

A runtime holds a machine's device or a session's memory: it is opened with `with`, and closes itself. On a GPU this is
no nicety: a CUDA context that is still pushed when its process ends makes pycuda abort it.
An opened runtime describes itself once (`sha256`, `description`); whoever needs to know is handed the runtime, and does
not look at the file again, which may be another one by then.
"""

from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from ..network.manifest import Manifest

if TYPE_CHECKING:
    import numpy as np


class Closing:
    """Closed at the end of its `with`, whatever happens in it."""

    def close(self) -> None:
        """Give back what was taken. A second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        self.close()


class Runtime(Protocol):
    manifest: Manifest
    description: str  #: for the run report, for example `onnxruntime 1.23 CPU`
    sha256: str  #: of the bytes that were loaded

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None: ...
    def close(self) -> None: ...

    def run(self, pictures: "np.ndarray") -> "np.ndarray":
        """uint8 [films, height, width, 1] -> float32 logits [films, 3]. Raises EngineError."""
        ...

    def outputs(self, pictures: "np.ndarray") -> "dict[str, np.ndarray]":
        """The same films, everything that the network says: `logits`, and where it has them `maps`
        [films, h, w, 3] and `gate` [films, scores] (xscan.engine.triage.gate). Raises EngineError."""
        ...


@runtime_checkable
class Inspected(Protocol):
    """A runtime whose compiler tells what it made of the network."""

    def layer_table(self) -> dict[str, str]:
        """Layer as compiled -> type of its output, such as `Int8`; empty where it does not tell."""
        ...


class LaneRuntime(Protocol):
    """A runtime that overlaps: xscan.engine.runtime.tensorrt.TensorRtRuntime, or OneLane around any other."""

    manifest: Manifest
    description: str
    sha256: str
    lanes: int
    largest: int  #: films in one start

    def pin(self, memory: "np.ndarray") -> None: ...
    def start(self, lane: int, pictures: "np.ndarray") -> None: ...
    def finish(self, lane: int) -> "dict[str, np.ndarray]": ...
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None: ...
    def close(self) -> None: ...
