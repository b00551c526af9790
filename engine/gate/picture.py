"""What a picture shows without any network: contrast, exposure, letters over the lungs."""

from dataclasses import dataclass

import cv2
import numpy as np

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
    factor = max(grey.shape) // SIDE
    if factor > 1:  # whole steps, bilinear: a tenth of the time of exact area averaging, and as good for this
        size = (max(1, grey.shape[1] // factor), max(1, grey.shape[0] // factor))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)
    rows, columns = grey.shape
    middle = grey[rows // 8 : rows - rows // 8, columns // 8 : columns - columns // 8]
    if middle.size == 0:
        middle = grey
    counts = cv2.calcHist([middle], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    below = np.cumsum(counts) / middle.size
    spread = float(np.searchsorted(below, 0.95) - np.searchsorted(below, 0.05))
    median = float(np.searchsorted(below, 0.5))
    letters = _letters(middle, int(counts[_WHITE + 1 :].sum()))
    return Look(spread, median, float(below[6]), float(1 - below[248]), letters)


def _letters(middle: np.ndarray, white: int) -> int:
    """How many separate bright strokes of a letter's size there are. white: pixels brighter than _WHITE."""
    if not white:
        return 0
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    strokes = cv2.morphologyEx(middle, cv2.MORPH_TOPHAT, kernel)
    bright = cv2.bitwise_and(cv2.inRange(strokes, 61, 255), cv2.inRange(middle, _WHITE + 1, 255))
    outlines, hierarchy = cv2.findContours(bright, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return 0
    outer = hierarchy[0, :, 3] < 0  # the others are holes; a sixth of the time of connectedComponentsWithStats
    boxes = np.array([cv2.boundingRect(outline) for outline, is_outer in zip(outlines, outer, strict=True) if is_outer])
    wide, tall = boxes[:, 2], boxes[:, 3]
    high = middle.shape[0]
    fits = (tall >= max(4, high * 0.012)) & (tall <= high * 0.12) & (wide <= 4 * tall)
    return int(fits.sum())
