"""The grey of CMYK pixels: as OpenCV makes it of a JPEG, as libtiff and OpenCV make it of a TIFF, bit by bit.

Both decoders that hear of damage give CMYK as it is; without the compiled _cmyk.c a picture is decoded a second time
for its grey.
"""

import numpy as np

try:
    from . import _cmyk
except ImportError:  # no compiler where xscan was installed
    _cmyk = None

COMPILED = _cmyk is not None


def grey_of_cmyk(pixels: np.ndarray, *, tiff: bool) -> np.ndarray | None:
    """uint8 [rows, columns, 4] to uint8 [rows, columns]; None where nothing compiled is here. tiff: ink is 255, and not
    0 as in Adobe's JPEGs."""
    if _cmyk is None or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4:
        return None
    grey = np.empty(pixels.shape[:2], np.uint8)
    _cmyk.to_grey(np.ascontiguousarray(pixels), grey, tiff)
    return grey
