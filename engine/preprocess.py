"""From a grey radiograph to the network's input: one function for training, calibration and batch."""

import cv2
import numpy as np

from .spec import InputSpec

__all__ = ["InputSpec", "to_input"]


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
