"""What a picture shows without any network: contrast, exposure, letters over the lungs.

Measured by the compiled _look.c, or without it by OpenCV: slower, and with the same results.
"""

from dataclasses import dataclass

import cv2
import numpy as np

try:
    from . import _look
except ImportError:  # no compiler where xscan was installed
    _look = None

COMPILED = _look is not None
_LEAST = 16  #: pixels a side, reduced, below which it is OpenCV in any case
SIDE = 400  #: films of twice this and more are first reduced
_WHITE = 225  #: letters are brighter
_STROKE = 9  #: pixels: strokes of letters are thinner, ribs and vessels thicker


@dataclass(frozen=True, slots=True)
class Look:
    spread: float  #: grey levels between the 5th and the 95th percentile of the film's middle
    middle: float  #: median grey of the film's middle
    black: float  #: share of the middle at or below grey 6
    white: float  #: share of the middle at or above grey 249
    letters: int  #: letter-sized strokes, nearly white and brighter than what is around them, in the middle


def look_at(grey: np.ndarray) -> Look:
    """Measure one film. grey: uint8 [rows, columns], dark = air."""
    factor = max(1, max(grey.shape) // SIDE)  # whole steps
    rows, columns = (max(1, side // factor) for side in grey.shape)
    if _look is None or min(rows, columns) < _LEAST:
        return without_compiler(grey, rows, columns)
    levels, letters = _look.look(np.ascontiguousarray(grey), rows, columns)
    return _look_of(np.frombuffer(levels, np.uint32), letters)


def without_compiler(grey: np.ndarray, rows: int, columns: int) -> Look:
    """What `look_at` measures in a film reduced to that size, by OpenCV."""
    if (rows, columns) != grey.shape:  # bilinear: a tenth of the time of exact area averaging, and as good for this
        grey = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_LINEAR)
    middle = grey[rows // 8 : rows - rows // 8, columns // 8 : columns - columns // 8]
    levels = cv2.calcHist([middle], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return _look_of(levels, _letters(middle, int(levels[_WHITE + 1 :].sum())))


def _look_of(levels: np.ndarray, letters: int) -> Look:
    """levels: how many pixels of the middle have each of the 256 grey levels."""
    below = np.cumsum(levels)
    below = below / below[-1]
    spread = float(below.searchsorted(0.95) - below.searchsorted(0.05))
    return Look(spread, float(below.searchsorted(0.5)), float(below[6]), float(1 - below[248]), letters)


def _letters(middle: np.ndarray, white: int) -> int:
    """How many separate bright strokes of a letter's size there are. white: pixels brighter than _WHITE."""
    if not white:
        return 0
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    strokes = cv2.morphologyEx(middle, cv2.MORPH_TOPHAT, kernel)
    bright = cv2.bitwise_and(cv2.inRange(strokes, 61, 255), cv2.inRange(middle, _WHITE + 1, 255))
    outlines, hierarchy = cv2.findContours(bright, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return 0  # and no hierarchy
    outer = hierarchy[0, :, 3] < 0  # the others are holes; a sixth of the time of connectedComponentsWithStats
    boxes = np.array([cv2.boundingRect(outline) for outline, is_outer in zip(outlines, outer, strict=True) if is_outer])
    wide, tall = boxes[:, 2], boxes[:, 3]
    high = middle.shape[0]
    fits = (tall >= max(4, high * 0.012)) & (tall <= high * 0.12) & (wide <= 4 * tall)
    return int(fits.sum())
