"""JPEG, PNG, TIFF, BMP, WebP and JPEG 2000 to one grey picture."""

import cv2
import numpy as np

from ..errors import UnreadableRadiograph
from .film import Facts, Film, Limits


def read_raster(content: bytes, kind: str, limits: Limits, target: tuple[int, int] | None = None) -> Film:
    """Decode a raster file. kind: as `sniff` names it. Raise UnreadableRadiograph."""
    grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    if grey is None:
        raise UnreadableRadiograph("corrupt", f"the {kind} data is damaged")
    bits = 8 * grey.itemsize
    if grey.dtype != np.uint8:
        grey = full_range(grey)
    rows, columns = grey.shape
    facts = Facts(format=kind, rows=rows, columns=columns, bits=bits, photometric="grey", decoder="opencv")
    return Film(grey, facts)


def full_range(grey: np.ndarray) -> np.ndarray:
    """uint16 [rows, columns] to uint8 by the range of the bits in use: 10, 12, 14 or 16."""
    highest = int(grey.max())
    bits = next(bits for bits in (10, 12, 14, 16) if highest < 1 << bits)
    top = (1 << bits) - 1
    table = (np.arange(1 << 16, dtype=np.uint32) * 255 + top // 2) // top
    return np.minimum(table, 255).astype(np.uint8)[grey]
