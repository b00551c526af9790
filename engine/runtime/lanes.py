"""A runtime that overlaps nothing, as one with lanes."""

import numpy as np

from ..network.manifest import Manifest
from .protocol import Closing, Runtime


class OneLane(Closing):
    """Any Runtime as a LaneRuntime: works at once, overlaps nothing. Closes the runtime that it was given."""

    lanes = 1
    largest = 1 << 30

    def __init__(self, runtime: Runtime) -> None:
        self.manifest: Manifest = runtime.manifest
        self.description: str = runtime.description
        self.sha256: str = runtime.sha256
        self._runtime = runtime
        self._results: dict[str, np.ndarray] = {}

    def pin(self, memory: np.ndarray) -> None:
        pass

    def start(self, lane: int, pictures: np.ndarray) -> None:
        self._results = self._runtime.outputs(pictures)

    def finish(self, lane: int) -> dict[str, np.ndarray]:
        return self._results

    def close(self) -> None:
        self._runtime.close()
