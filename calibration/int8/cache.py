"""What a calibration found, kept as JSON: with it a rebuild needs no radiographs."""

import json
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from xscan.engine.errors import EngineError
from xscan.engine.network import models

from .ranges import METHODS, Range

FORMAT = 1
SUFFIX = ".calibration.json"


@dataclass(frozen=True)
class Calibration:
    model: str  #: sha256 of the ONNX file
    data: str  #: fingerprint of the radiographs, see films.fingerprint
    films: int
    seed: int
    ranges: dict[str, dict[str, Range]]  #: tensor -> method -> range
    chosen: dict[str, str] = field(default_factory=dict)  #: runtime -> method
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict)  #: sha256 of a graph -> what the gate said

    def by(self, method: str) -> dict[str, Range]:
        return {tensor: ranges[method] for tensor, ranges in self.ranges.items()}

    def to_json(self) -> str:
        ranges = {t: {m: r.as_dict() for m, r in by.items()} for t, by in self.ranges.items()}
        return json.dumps({"format": FORMAT} | asdict(self) | {"ranges": ranges}, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Calibration":
        """Raises ValueError."""
        content = json.loads(text)
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise ValueError
        ranges = {t: {m: Range.from_dict(by[m]) for m in METHODS} for t, by in content.pop("ranges").items()}
        return cls(ranges=ranges, **content)


def load(path: Path, model: str) -> Calibration | None:
    """The calibration in `path` if there is one for this model. Raises EngineError for a damaged file."""
    if not path.is_file():
        return None
    try:
        calibration = Calibration.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EngineError(f"{path} is no calibration: delete it and calibrate again") from None
    return calibration if calibration.model == model else None


def shipped(model: str) -> Calibration | None:
    """What travels with a shipped network, if this is one: its ranges, and what was measured of its reduced graphs.

    model: sha256 of the ONNX file. Made by scripts/ship_calibration.py.
    """
    for file in files(models).iterdir():
        if file.name.endswith(SUFFIX):
            calibration = Calibration.from_json(file.read_text(encoding="utf-8"))
            if calibration.model == model:
                return calibration
    return None
