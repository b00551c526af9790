"""An object from the outbox made at the moment it is sent: the film read again, its result put with it."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EngineError, UnreadableRadiograph
from ..lists.table import Row
from ..read.content import read_content
from ..read.decode import read_bytes
from ..read.film import DEFAULT_LIMITS, Limits
from .destinations import Destination, Kind
from .films import from_text
from .objects.identity import source_of
from .outbox import Waiting

if TYPE_CHECKING:
    import numpy as np
    from pydicom.dataset import FileDataset

    from ..runtime.protocol import Runtime


@dataclass(frozen=True)
class Made:
    sop_class: str
    sop_uid: str
    study_uid: str
    content: bytes  #: a file of PS3.10
    irregular: tuple[str, ...] = ()  #: what of its film breaks the standard, as `Source.irregular`

    def dataset(self) -> "FileDataset":
        from pydicom import dcmread

        return dcmread(io.BytesIO(self.content))


class Maker:
    """Makes objects for one destination. Use as a context manager: for contours it holds a network open.

    engine: the network that scored the films; None: the shipped one of the row's name.
    """

    def __init__(self, destination: Destination, engine: Path | None, limits: Limits = DEFAULT_LIMITS) -> None:
        self._destination = destination
        self._engine = engine
        self._limits = limits
        self._runtime: Runtime | None = None

    def __enter__(self) -> "Maker":
        return self

    def __exit__(self, *_: object) -> None:
        if self._runtime is not None:
            self._runtime.close()
            self._runtime = None

    def make(self, item: Waiting) -> Made:
        """Raises FileProblem where the film is gone, has changed or cannot be read; EngineError."""
        from .objects.ko import key_object
        from .objects.sc import secondary_capture
        from .objects.sr import structured_report

        content = read_content(from_text(item.row.file, item.film), self._limits)
        source = source_of(content, self._limits.max_bytes)
        if source.sop_uid != item.row.sop_uid or source.study_uid != item.row.study_uid:
            raise UnreadableRadiograph("vanished", "another film stands in its place")
        try:
            if item.kind is Kind.SR:
                made = structured_report(source, item.result, item.predecessor)
            elif item.kind is Kind.KO:
                made = key_object(source, item.result)
            else:
                grey = read_bytes(content, self._limits).grey
                contour = self._destination.contour
                evidence = self._evidence(grey, item.row) if contour else None
                made = secondary_capture(source, item.result, grey, evidence, contour=contour)
        except (ValueError, KeyError, TypeError, AttributeError):
            # highdicom refuses what the standard does not know; its words could hold a header's.
            raise UnreadableRadiograph("unsupported", "no object can be made of it") from None
        if made[1] != item.instance:
            raise UnreadableRadiograph("vanished", "the outbox's own entry is damaged")
        return Made(made[0], made[1], source.study_uid, made[2], source.irregular)

    def _evidence(self, grey: "np.ndarray", row: Row) -> "np.ndarray | None":
        """Log odds of pneumonia by place; None where the network has no class maps, or another one scored the film."""
        from ..preprocess.to_input import to_input
        from ..runtime.open import find_engine, open_runtime, shipped
        from ..triage.odds import log_odds

        if self._runtime is None:
            name = row.model.partition("@")[0]
            if self._engine is None and name not in shipped():
                return None
            self._runtime = open_runtime(self._engine or find_engine(name))
        runtime = self._runtime
        if runtime.manifest.label != row.model or row.code == "mended":
            return None
        try:
            outputs = runtime.outputs(to_input(grey, runtime.manifest.input)[None, ..., None])
        except EngineError:
            return None
        return log_odds(outputs["maps"][0], runtime.manifest.temperature) if "maps" in outputs else None
