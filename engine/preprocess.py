"""From a grey radiograph to the network's input: one function for training, calibration and batch."""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np

from .errors import EngineError


@dataclass(frozen=True)
class InputSpec:
    """How a film becomes a network input. Stored in the model's manifest; scaling and normalising
    are not here because they are the first nodes of the graph."""

    height: int
    width: int
    resize: str = "area"  #: area averaging when shrinking, bilinear when enlarging; the whole film, squashed

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, spec: dict[str, Any]) -> "InputSpec":
        """Raise EngineError for a specification that this version of xscan does not know."""
        unknown = set(spec) - {"height", "width", "resize"}
        if unknown or spec.get("resize", "area") != "area":
            raise EngineError("the model asks for a preprocessing this xscan does not know: update xscan")
        return cls(height=int(spec["height"]), width=int(spec["width"]))


def to_input(grey: np.ndarray, spec: InputSpec, out: np.ndarray | None = None) -> np.ndarray:
    """Squash a grey film to the network's square.

    grey: uint8 [rows, columns], dark = air. out: uint8 [height, width] to write into, if given.
    Returns uint8 [height, width]. Each axis is area-averaged when it shrinks and bilinear when it grows.
    """
    rows, columns = grey.shape
    shrunk = (min(columns, spec.width), min(rows, spec.height))  # cv2 wants (width, height)
    if shrunk != (columns, rows):
        grey = cv2.resize(grey, shrunk, interpolation=cv2.INTER_AREA)
    if grey.shape != (spec.height, spec.width):
        grey = cv2.resize(grey, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR)
    if out is None:
        return grey
    out[...] = grey
    return out
