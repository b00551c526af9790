"""Pictures of films that were scored earlier: read again from their folder, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import EngineError, FileProblem
from ..find.discover import discover
from ..find.found import Found, order_key
from ..lists.table import Row
from ..preprocess.to_input import to_input
from ..read.decode import read_film
from ..read.film import Limits
from ..runtime.open import open_runtime
from ..runtime.protocol import Closing, Runtime
from .thumbnails import Picture, encode_map, small_copy


class FilmsAgain(Closing):
    """Finds the films of a list's rows in their folder; ask in the list's order.

    engine: the network that scored the list, for its class maps; None leaves them out. Neither folder nor engine
    is touched before the first film is asked for.
    """

    def __init__(self, folder: Path, engine: Path | None, limits: Limits, follow_links: bool = False) -> None:
        self._folder = folder
        self._follow_links = follow_links
        self._engine = engine
        self._limits = limits
        self._found: Iterator[Found] | None = None
        self._next: Found | None = None
        self._runtime: Runtime | None = None

    def __call__(self, row: Row) -> Picture | None:
        """None when the film is gone, has changed, or cannot be read any more. Raises EngineError."""
        found = self._find(row.file)
        if found is None or str(found.bytes) != row.bytes:
            return None
        try:
            film = read_film(found, self._limits)
            return Picture(small_copy(film.grey), self._map(film.grey, row))
        except (FileProblem, MemoryError):
            return None

    def close(self) -> None:
        if self._runtime is not None:
            self._runtime.close()
            self._runtime = None

    def _find(self, file: str) -> Found | None:
        if self._found is None:
            self._found = discover(self._folder, follow_links=self._follow_links)
            self._next = next(self._found, None)
            self._runtime = open_runtime(self._engine) if self._engine else None
        wanted = order_key(file)
        while self._next is not None and order_key(self._next.file) < wanted:
            self._next = next(self._found, None)
        return self._next if self._next is not None and self._next.file == file else None

    def _map(self, grey: np.ndarray, row: Row) -> str:
        runtime = self._runtime
        # A mended film's map would show what the network says of the film as it stands.
        if runtime is None or runtime.manifest.label != row.model or row.code == "mended":
            return ""
        try:
            outputs = runtime.outputs(to_input(grey, runtime.manifest.input)[None, ..., None])
        except EngineError:
            return ""
        if "maps" not in outputs:
            return ""
        return encode_map(outputs["maps"][0], runtime.manifest.temperature)
