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
    return Look(spread, median, float(below[6]), float(1 - below[248]), _letters(middle, int(counts[_WHITE + 1 :].sum())))


def _letters(middle: np.ndarray, white: int) -> int:
    """How many separate bright strokes of a letter's size there are. white: pixels brighter than _WHITE."""
    if not white:
        return 0
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    strokes = cv2.morphologyEx(middle, cv2.MORPH_TOPHAT, kernel)
    bright = ((strokes > 60) & (middle > _WHITE)).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(bright)  # often a small part, where components are found quicker
    bright = bright[top : top + height, left : left + width]
    if not bright.any():
        return 0
    count, _, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=8)
    tall = stats[1:count, cv2.CC_STAT_HEIGHT]
    wide = stats[1:count, cv2.CC_STAT_WIDTH]
    high = middle.shape[0]
    fits = (tall >= max(4, high * 0.012)) & (tall <= high * 0.12) & (wide <= 4 * tall)
    return int(fits.sum())
