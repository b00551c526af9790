"""A window is a straight line between black and white: computed, it takes half the time of its table.

The line is in whole numbers, and taken only where it gives the table's own grey for every word that a pixel can be.
"""

from typing import NamedTuple

import numpy as np

try:
    from . import _line
except ImportError:  # no compiler where xscan was installed
    _line = None

COMPILED = _line is not None
_ONE = 1 << 24  #: a grey level
_FEW = 1 << 18  #: pixels below which a line is not worth looking for
_MOST = 1 << 14  #: values above which the line's numbers would be too coarse
_WORDS = np.arange(1 << 16, dtype=np.uint16)


class Line(NamedTuple):
    """grey = (gain * (value - low) + add) / 2**24, rounded down; values below low and above high are as these."""

    low: int
    high: int
    gain: int
    add: int
    turn: int  #: 255 where it falls: then 255 less that


def line_of(table: np.ndarray, exact: np.ndarray) -> Line | None:
    """The line through a table, or None. table: uint8 [values]; exact: float64 [values], the same before rounding."""
    turn = 0 if table[0] < table[-1] else 255
    steps = (table ^ turn).astype(np.int64)
    low = int(np.searchsorted(steps, steps[0], "right")) - 1
    high = int(np.searchsorted(steps, steps[-1], "left"))
    if high - low < 3:
        return None
    gain = round(abs(float(exact[high - 1] - exact[low + 1])) / (high - low - 2) * _ONE)
    over = steps[low : high + 1] * _ONE - gain * np.arange(high - low + 1)
    least, most = max(int(over.max()), 0), int(over.min()) + _ONE - 1  # `add` gives every value its step between them
    return Line(low, high, gain, (least + most) // 2, turn) if least <= most else None


def by_line(
    pixels: np.ndarray, words: np.ndarray, table: np.ndarray, exact: np.ndarray, mask: int, flip: int
) -> np.ndarray | None:
    """words[pixels] by a line: uint8, the pixels' shape; None where there is none, or looking it up is as quick.

    pixels: uint16. words: uint8 [65,536], for each word. table and exact: as `line_of` has them; a word's value is
    the word & mask ^ flip.
    """
    if _line is None or pixels.dtype != np.uint16 or pixels.size < _FEW or table.size > _MOST:
        return None
    if not (pixels.flags.c_contiguous and pixels.flags.aligned) or (line := line_of(table, exact)) is None:
        return None
    drawn = np.empty(_WORDS.shape, np.uint8)
    _line.shade(_WORDS, drawn, mask, flip, *line)
    if not np.array_equal(drawn, words):
        return None
    grey = np.empty(pixels.shape, np.uint8)
    _line.shade(pixels, grey, mask, flip, *line)
    return grey
