"""What a DICOM file asks a viewer to put over its picture: display shutters and overlays.

Shutters are black (PS3.3 C.7.6.11). Overlays (C.9.2) are not drawn, as they would hide what is scored; marks of one
over the middle of the film are a doubt.
"""

import cv2
import numpy as np

from .header import Header
from .pixels import ImagePixel, Stored

_LEAST_MARK = 0.0002  #: share of the film's middle that an overlay must cover to be told of
_LEAST_SHOWN = 0.05  #: share of the picture that shutters must leave to be believed


def shutter(header: Header, rows: int, columns: int) -> np.ndarray | None:
    """Where the display shutters cover the picture: bool [rows, columns]; None where there are none to apply.

    All shapes of ShutterShape apply together: shown is what each of them leaves open.
    """
    openings = [_OPENINGS[shape.upper()] for shape in header.texts(0x00181600) if shape.upper() in _OPENINGS]
    if not openings:
        return None
    shown = np.ones((rows, columns), np.uint8)
    for opening in openings:
        opened = opening(header, rows, columns)
        if opened is None:
            return None
        shown &= opened
    covered = shown == 0
    return covered if covered.any() and covered.mean() <= 1 - _LEAST_SHOWN else None


def _whole(header: Header, tag: int) -> list[int] | None:
    numbers = header.decimals(tag)
    return [round(number) for number in numbers] if all(abs(number) < 1e6 for number in numbers) else None


def _rectangle(header: Header, rows: int, columns: int) -> np.ndarray | None:
    """The edges are the last lines shown, counted from 1."""
    edges = [(_whole(header, tag) or [None])[0] for tag in (0x00181602, 0x00181604, 0x00181606, 0x00181608)]
    if None in edges:
        return None
    left, right, top, bottom = (edge for edge in edges if edge is not None)
    opened = np.zeros((rows, columns), np.uint8)
    opened[max(top - 1, 0) : max(bottom, 0), max(left - 1, 0) : max(right, 0)] = 1
    return opened


def _circle(header: Header, rows: int, columns: int) -> np.ndarray | None:
    center, radius = _whole(header, 0x00181610), _whole(header, 0x00181612)
    if not center or len(center) != 2 or not radius or radius[0] <= 0:
        return None
    opened = np.zeros((rows, columns), np.uint8)
    return cv2.circle(opened, (center[1] - 1, center[0] - 1), radius[0], 1, cv2.FILLED)


def _polygon(header: Header, rows: int, columns: int) -> np.ndarray | None:
    """Pairs of row and column."""
    numbers = _whole(header, 0x00181620)
    if not numbers or len(numbers) < 6 or len(numbers) % 2:
        return None
    corners = np.array(numbers, np.int32).reshape(-1, 2)[:, ::-1] - 1
    return cv2.fillPoly(np.zeros((rows, columns), np.uint8), [np.ascontiguousarray(corners)], 1)


_OPENINGS = {"RECTANGULAR": _rectangle, "CIRCULAR": _circle, "POLYGONAL": _polygon}


def has_marks(header: Header, image: ImagePixel, stored: Stored) -> bool:
    """Whether an overlay plane marks the middle three quarters of the picture: one with data of its own, or one in the
    bits of the pixel data that the picture leaves free, as was written before 2004 (PS3.5 8.1.2)."""
    return any(_marks(header, group << 16, image, stored) for group in range(0x6000, 0x6020, 2))


def _marks(header: Header, group: int, image: ImagePixel, stored: Stored) -> bool:
    plane = _plane(header, group, image, stored)
    if plane is None:
        return False
    origin = np.frombuffer(header.value(group | 0x0050)[:4], header.order + "i2")
    top, left = (int(number) - 1 for number in origin) if origin.size == 2 else (0, 0)
    rows, columns = image.rows, image.columns
    first_row, first_column = max(rows // 8 - top, 0), max(columns // 8 - left, 0)
    middle = plane[first_row : max(rows - rows // 8 - top, 0), first_column : max(columns - columns // 8 - left, 0)]
    return bool(middle.sum() > _LEAST_MARK * rows * columns)


def _plane(header: Header, group: int, image: ImagePixel, stored: Stored) -> np.ndarray | None:
    """An overlay's bits: uint8 [rows, columns], 0 and 1; None where there is none."""
    high, wide = header.number(group | 0x0010) or 0, header.number(group | 0x0011) or 0
    if not high or not wide:
        return None
    raw = header.value(group | 0x3000)
    if not raw:
        position = header.number(group | 0x0102)
        used = range(image.high + 1 - image.stored, image.high + 1)
        if position not in range(image.allocated) or position in used:
            return None
        if stored.compressed or image.samples != 1 or (high, wide) != stored.pixels.shape:
            return None
        return (stored.pixels >> position & 1).astype(np.uint8)
    if len(raw) * 8 < high * wide:
        return None
    if header.order == ">" and header.elements[group | 0x3000].vr == b"OW":
        raw = np.frombuffer(raw[: len(raw) // 2 * 2], ">u2").astype("<u2").tobytes()
    return np.unpackbits(np.frombuffer(raw, np.uint8), count=high * wide, bitorder="little").reshape(high, wide)
