"""A runtime that overlaps nothing, as one with lanes."""

from typing import Any

import numpy as np

from ..network.manifest import Manifest


class OneLane:
    """Any Runtime as a LaneRuntime: works at once, overlaps nothing."""

    lanes = 1
    largest = 1 << 30

    def __init__(self, runtime: Any) -> None:
        self.manifest: Manifest = runtime.manifest
        self.description: str = runtime.description
        self._runtime = runtime
        self._results: dict[str, np.ndarray] = {}

    def pin(self, memory: np.ndarray) -> None:
        pass

    def start(self, lane: int, pictures: np.ndarray) -> None:
        self._results = self._runtime.outputs(pictures)

    def finish(self, lane: int) -> dict[str, np.ndarray]:
        return self._results

    def close(self) -> None:
        pass
