"""What a runtime is: uint8 pictures in; logits, class maps and gate scores out."""

from typing import TYPE_CHECKING, Protocol

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


class LaneRuntime(Protocol):
    """A runtime that overlaps: xscan.engine.runtime.tensorrt.TensorRtRuntime, or OneLane around any other."""

    manifest: Manifest
    description: str
    lanes: int
    largest: int  #: films in one start

    def pin(self, memory: "np.ndarray") -> None: ...
    def start(self, lane: int, pictures: "np.ndarray") -> None: ...
    def finish(self, lane: int) -> "dict[str, np.ndarray]": ...
    def close(self) -> None: ...
