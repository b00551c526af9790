"""The header of a JPEG or JPEG-LS stream, and whether the stream is whole (ITU-T T.81 annex B).

A decoder fills what a truncated JPEG lacks with grey, in silence; half a film must not be scored.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

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
    scan_header: int = 0  #: where that scan's header says which components it has
    exif: Data = b""  #: the Exif segment
    odd: dict[int, bytes] = field(default_factory=dict)  #: what a viewer overlooks: place, what should stand there


def jpeg_header(data: Data) -> JpegHeader:
    """Walk the segments up to the first scan. Raise UnreadableRadiograph if it does not get there."""
    header = JpegHeader(0, 0, 0, 0, 0, b"", False, None, 0)
    at, end, adobe = 2, len(data), 0
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
            if length >= 16 and data[body + 5] not in (1, 2):
                header.odd[body + 5] = b"\x01"
        elif marker == 0xE1 and data[body : body + 6] == b"Exif\0\0" and not header.exif:
            header.exif = data[body : body + length - 2]
        elif marker == 0xDB and length >= 67 and data[body] < 4 and b"\0" in bytes(data[body + 1 : body + 65]):
            raise UnreadableRadiograph("corrupt", "the JPEG's quantisation is damaged")  # T.81 B.2.4.1: no zeros
        elif marker == 0xEE and data[body : body + 5] == b"Adobe" and length >= 14:
            header.adobe, adobe = data[body + 11], body + 11
        elif marker == 0xDA:
            if not header.process or not header.rows or not header.columns:
                raise UnreadableRadiograph("bad-header", "the JPEG does not state its size")
            header.scan, header.scan_header = at, body
            if (header.adobe or 0) > 2:  # libjpeg takes it for 1 (3 components) or 2 (4)
                header.odd[adobe] = b"\x02" if header.components == 4 else b"\x01"
            if length < 8 or length != 6 + 2 * data[body]:
                raise UnreadableRadiograph("corrupt", "the JPEG's segments are damaged")
            if header.process in BASELINE_TO_PROGRESSIVE[:2] and bytes(data[at - 3 : at]) != b"\0\x3f\0":
                header.odd[at - 3] = b"\0\x3f\0"  # Ss, Se, Ah and Al mean nothing here (T.81 B.2.3)
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
    """The position of the end-of-image marker. Raise UnreadableRadiograph `truncated` without one, or where a scan
    of the picture is missing: a stream cut between two scans and closed again is sound for every decoder."""
    end = end_of_jpeg(data, header)
    if end < header.scan:
        size = (len(data) + 1023) // 1024
        raise UnreadableRadiograph("truncated", f"the JPEG's picture is not complete after {size} KB")
    if not _has_every_scan(data, header):
        raise UnreadableRadiograph("truncated", "the JPEG lacks a part of its scans")
    return end


def mended(data: Data, header: JpegHeader) -> Data:
    """The stream without the harmless oddities that libjpeg warns of; itself where it has none."""
    if not header.odd:
        return data
    copy = bytearray(data)
    for place, right in header.odd.items():
        copy[place : place + len(right)] = right
    return bytes(copy)


def _scans(data: Data, header: JpegHeader) -> Iterator[tuple[bytes, int, int, int]]:
    """Each scan's component identifiers, first and last coefficient, and bits still to come (T.81 B.2.3)."""
    body = header.scan_header
    while True:
        count, at = data[body], body + 1
        if body + 4 + 2 * count > len(data):
            return
        first, last, low = data[at + 2 * count : at + 2 * count + 3]
        yield bytes(data[at : at + 2 * count : 2]), first, last, low & 15
        at += 2 * count + 3
        while True:
            found = _NEXT_MARKER.search(data, at)
            if found is None or found.end() + 2 > len(data):
                return
            marker, body = data[found.start() + 1], found.end() + 2
            if marker == 0xD9:
                return
            at = found.end() + (data[body - 2] << 8 | data[body - 1])
            if marker == 0xDA:
                break


def _has_every_scan(data: Data, header: JpegHeader) -> bool:
    """Whether every coefficient of every component is there to its last bit (T.81 G.1.1.1)."""
    progressive = header.process == BASELINE_TO_PROGRESSIVE[2]
    if not progressive and data[header.scan_header] == header.components:
        return True  # one scan of all
    missing = {component: set(range(64)) for component in header.ids}
    for components, first, last, low in _scans(data, header):
        for component in components:
            if not progressive:
                missing.pop(component, None)
            elif low == 0 and component in missing:
                missing[component].difference_update(range(first, last + 1))
    return not any(missing.values())
