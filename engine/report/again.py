"""Pictures of films that were scored earlier: read again from their folder, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..discover import Found, discover, order_key
from ..errors import EngineError, FileProblem
from ..preprocess import to_input
from ..read import Limits, read_film
from ..runtime import Runtime
from ..table import Row
from .pictures import SIDE, Picture, encode_map, small_copy


class FilmsAgain:
    """Finds the films of a list's rows in their folder; ask in the list's order.

    runtime: the network that scored the list, for its class maps; None leaves them out.
    """

    def __init__(self, folder: Path, runtime: Runtime | None, limits: Limits) -> None:
        self._found: Iterator[Found] = discover(folder)
        self._next = next(self._found, None)
        self._runtime = runtime
        self._limits = limits

    def __call__(self, row: Row) -> Picture | None:
        """None when the film is gone, has changed, or cannot be read any more."""
        wanted = order_key(row.file)
        while self._next is not None and order_key(self._next.file) < wanted:
            self._next = next(self._found, None)
        found = self._next
        if found is None or found.file != row.file or str(found.bytes) != row.bytes:
            return None
        spec = self._runtime.manifest.input if self._runtime else None
        try:
            film = read_film(found, self._limits, (max(SIDE, spec.height), max(SIDE, spec.width)) if spec else None)
            return Picture(small_copy(film.grey), self._map(film.grey))
        except (FileProblem, MemoryError):
            return None

    def _map(self, grey: np.ndarray) -> str:
        if self._runtime is None:
            return ""
        try:
            outputs = self._runtime.outputs(to_input(grey, self._runtime.manifest.input)[None, ..., None])
        except EngineError:
            return ""
        if "maps" not in outputs:
            return ""
        return encode_map(outputs["maps"][0], self._runtime.manifest.temperature)
