"""From a grey radiograph to the network's input: one function for training, calibration and batch."""

import cv2
import numpy as np

from ..network.spec import InputSpec
from .area import shrink


def to_input(grey: np.ndarray, spec: InputSpec, out: np.ndarray | None = None) -> np.ndarray:
    """Squash a grey film to the network's square.

    grey: uint8 [rows, columns], dark = air. out: uint8 [height, width] to write into, if given.
    Returns uint8 [height, width]. Each axis is area-averaged when it shrinks and bilinear when it grows.
    """
    size = (spec.height, spec.width)
    if out is None:
        out = np.empty(size, np.uint8)
    shrunk = (min(grey.shape[0], spec.height), min(grey.shape[1], spec.width))
    if shrunk == size:
        shrink(grey, out)
        return out
    smaller = np.empty(shrunk, np.uint8)
    shrink(grey, smaller)
    out[...] = cv2.resize(smaller, (spec.width, spec.height), interpolation=cv2.INTER_LINEAR)
    return out
