"""Area averaging, exact: by the compiled kernel of _area.c, or without it by OpenCV's sums, to the same bytes.

Both work in whole numbers. Down a film of R rows that becomes H rows high, a pixel is H units high and an output row
R units, so each pixel's share of it is a whole number of units; likewise across. An output pixel is the weighted sum
over its R x C units, divided by R C and rounded, halves up. cv2's INTER_AREA rounds on its way, so it can differ by 1.
"""

from itertools import pairwise

import cv2
import numpy as np

try:
    from . import _area
except ImportError:  # no compiler where xscan was installed: slower, and no other difference
    _area = None

COMPILED = _area is not None
_LONGEST = 65_535  #: pixels a side for which the kernel's sums fit their integers


def shrink(grey: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` with area averages of `grey`.

    grey: uint8 or uint16 [rows, columns]. out: the same dtype [height, width], no larger in either axis.
    """
    if _area is not None and max(grey.shape) <= _LONGEST and out.flags.c_contiguous:
        _area.shrink(np.ascontiguousarray(grey), out)
    else:
        out[...] = averages(grey, *out.shape)


def averages(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """What `shrink` computes, without the kernel: [height, width] of the same dtype."""
    rows, columns = grey.shape
    sums = _sums(np.ascontiguousarray(_sums(grey, height).T), width).T
    return np.floor(sums / (rows * columns) + 0.5).astype(grey.dtype)


def _sums(values: np.ndarray, parts: int) -> np.ndarray:
    """Weighted sums over `parts` equal parts of the rows: float64 [parts, columns].

    They are whole numbers below 2**53 (2**16 grey levels, 2**27 pixels): float64 holds them exactly.
    """
    rows, columns = values.shape
    whole, units = np.divmod(np.arange(parts + 1) * rows, parts)  # a part's edge: in which row, how far down it
    sums = np.empty((parts, columns))
    for part, (top, bottom) in enumerate(pairwise(whole.tolist())):
        cv2.reduce(values[top:bottom], 0, cv2.REDUCE_SUM, dst=sums[part : part + 1], dtype=cv2.CV_64F)
    sums *= parts
    beyond = values[whole[1:-1]] * units[1:-1, None].astype(np.float64)  # what each part has of the next edge's row
    sums[:-1] += beyond
    sums[1:] -= beyond
    return sums
