"""The header of a JPEG or JPEG-LS stream, and whether the stream is whole (ITU-T T.81 annex B).

A decoder fills what a truncated JPEG lacks with grey, in silence; half a film must not be scored.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import UnreadableRadiograph

BASELINE_TO_PROGRESSIVE = (0xC0, 0xC1, 0xC2)
LOSSLESS = 0xC3
JPEG_LS = 0xF7

Data = bytes | memoryview  #: a stream; inside a larger file a view of it, which copies nothing

_FRAMES = {*range(0xC0, 0xD0), JPEG_LS} - {0xC4, 0xC8, 0xCC}
# In entropy-coded data FF is followed by 00 or a restart marker; anything else is the next marker.
# JPEG-LS stuffs a bit, so there FF is followed by a byte below 80 (T.87 annex A).
_NEXT_MARKER = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe\x01-\x7f]")
_NEXT_MARKER_LS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")


@dataclass(slots=True)
class JpegHeader:
    process: int  #: the frame marker's second byte: C0 baseline, C1 extended, C2 progressive, C3 lossless, F7 LS
    precision: int  #: bits a sample
    rows: int
    columns: int
    components: int
    ids: bytes  #: component identifiers
    jfif: bool
    adobe: int | None  #: the Adobe segment's transform: 0 none (RGB or CMYK), 1 YCbCr, 2 YCCK
    scan: int  #: where the first scan's entropy-coded data begins


def jpeg_header(data: Data) -> JpegHeader:
    """Walk the segments up to the first scan. Raise UnreadableRadiograph if it does not get there."""
    header = JpegHeader(0, 0, 0, 0, 0, b"", False, None, 0)
    at, end = 2, len(data)
    while at + 4 <= end:
        if data[at] != 0xFF:
            raise UnreadableRadiograph("corrupt", "the JPEG's segments are damaged")
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        if marker == 0xD9:
            raise UnreadableRadiograph("corrupt", "a JPEG without a picture")
        length = data[at + 2] << 8 | data[at + 3]
        if length < 2:
            raise UnreadableRadiograph("corrupt", "the JPEG's segments are damaged")
        body = at + 4
        at += 2 + length
        if at > end:
            break
        if marker in _FRAMES:
            if length < 8 or header.process:
                raise UnreadableRadiograph("corrupt", "the JPEG's segments are damaged")
            header.process = marker
            header.precision = data[body]
            header.rows = data[body + 1] << 8 | data[body + 2]
            header.columns = data[body + 3] << 8 | data[body + 4]
            header.components = data[body + 5]
            header.ids = bytes(data[body + 6 : body + length - 2 : 3])
        elif marker == 0xE0 and data[body : body + 5] == b"JFIF\0":
            header.jfif = True
        elif marker == 0xEE and data[body : body + 5] == b"Adobe" and length >= 14:
            header.adobe = data[body + 11]
        elif marker == 0xDA:
            if not header.process or not header.rows or not header.columns:
                raise UnreadableRadiograph("bad-header", "the JPEG does not state its size")
            header.scan = at
            return header
    raise UnreadableRadiograph("truncated", "the JPEG ends inside its header")


def end_of_jpeg(data: Data, header: JpegHeader) -> int:
    """Where the end-of-image marker stands, or -1: the stream is truncated. What follows does not matter."""
    tail = bytes(data[-3:])
    if tail[-2:] == b"\xff\xd9":
        return len(data) - 2
    if tail == b"\xff\xd9\0":  # DICOM pads a stream to an even length (PS3.5 A.4)
        return len(data) - 3
    pattern = _NEXT_MARKER_LS if header.process == JPEG_LS else _NEXT_MARKER
    at = header.scan
    while True:
        found = pattern.search(data, at)
        if found is None or found.end() > len(data):
            return -1
        at = found.start()
        marker = data[at + 1]
        if marker == 0xD9:
            return at
        if at + 4 > len(data):
            return -1
        at += 2 + (data[at + 2] << 8 | data[at + 3])  # a table, or the next scan's header


def require_whole(data: Data, header: JpegHeader) -> int:
    """The position of the end-of-image marker. Raise UnreadableRadiograph `truncated` without one."""
    end = end_of_jpeg(data, header)
    if end < header.scan:
        size = (len(data) + 1023) // 1024
        raise UnreadableRadiograph("truncated", f"the JPEG's picture is not complete after {size} KB")
    return end


_EDGES = slice(0, 4), slice(-4, None)


def _is_filling(corner: np.ndarray) -> bool:
    """Is it all of one mid grey? Its bytes tell sooner than NumPy's minimum and maximum."""
    values = corner.tobytes()
    return bool(values) and 127 <= values[0] <= 129 and values.count(values[0]) == len(values)


def require_no_filling(data: Data, end: int, picture: np.ndarray, decode: Callable[[Data], np.ndarray | None]) -> None:
    """Raise UnreadableRadiograph if a JPEG has its end marker, and yet its data ran out before its picture.

    A decoder leaves missing blocks at mid grey. Where a corner of `picture` (uint8 [rows, columns]) is
    just that, decode again with further data in front of the end marker: a whole picture stays the same.
    """
    if not any(_is_filling(picture[rows, columns]) for rows in _EDGES for columns in _EDGES):
        return
    more = decode(bytes(data[:end]) + bytes(range(1, 250)) * 64 + b"\xff\xd9")
    if more is None or not np.array_equal(more, picture):
        raise UnreadableRadiograph("truncated", "the JPEG's picture is not complete before its end marker")
