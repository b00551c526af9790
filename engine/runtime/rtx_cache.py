"""TensorRT for RTX's own way of running: it compiles kernels on the machine, and keeps them in a cache.

Without the cache every process compiles again, which can take half a minute. It stands beside the engine and is
loaded only if it is whole and of this very plan: kernels are code.
"""

import re
from pathlib import Path
from typing import Any

from ..disk.overwrite import start_of
from ..disk.replace import replace_bytes
from ..errors import EngineError, OutputError
from ..network.sidecar import sha256

_HASH = 64  #: characters of a sha256, in front of what TensorRT gave
_SEALED = re.compile(rb"[0-9a-f]{64}")


def cache_path(engine: Path) -> Path:
    return engine.with_name(engine.name + ".kernels")


class RtxCache:
    """The runtime configuration that contexts are made with, and its cache."""

    def __init__(self, trt: Any, engine: Any, path: Path | None, plan: str) -> None:
        """plan: the sha256 of the plan that the kernels are for."""
        self._path, self._plan = path, plan
        self.config: Any = engine.create_runtime_config()
        if self.config is None:
            raise EngineError("TensorRT for RTX gives no runtime configuration: the GPU has not enough free memory")
        self.config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        # Lazily specialised kernels could be frozen into a graph before they are there.
        strategies = trt.DynamicShapesKernelSpecializationStrategy
        self.config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER
        self._cache: Any = self.config.create_runtime_cache()
        self._known = self._read()
        if self._known and not self._cache.deserialize(self._known):
            self._known = b""  # of another version or GPU: it is made anew
            self._cache.reset()
        self.config.set_runtime_cache(self._cache)

    def save(self) -> None:
        """Keep what was compiled. A cache that cannot be kept costs time, and nothing else."""
        if self._path is None or self._cache is None:
            return
        try:
            content = bytes(self._cache.serialize())
            if content and content != self._known:
                replace_bytes(self._path, self._seal(content).encode() + content, self._require_cache)
                self._known = content
        except Exception:  # the binding's own, too, of a device that was lost
            return

    @staticmethod
    def _require_cache(path: Path) -> None:
        """Raise OutputError if something else than a kernel cache stands at `path`."""
        if (start := start_of(path)) and not _SEALED.match(start):
            raise OutputError(f"{path} exists and is no kernel cache of xscan: rename it")

    def free(self) -> None:
        self.config = self._cache = None

    def _read(self) -> bytes:
        try:
            content = self._path.read_bytes() if self._path is not None and self._path.is_file() else b""
        except OSError:
            return b""
        seal, kernels = content[:_HASH], content[_HASH:]
        return kernels if kernels and seal == self._seal(kernels).encode() else b""

    def _seal(self, kernels: bytes) -> str:
        return sha256(self._plan.encode() + kernels)
