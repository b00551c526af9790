"""Size, depth and wholeness of PNG, TIFF, BMP and WebP files, from their headers alone.

A decoder is called only for what fits the limits and is all there.
"""

import struct
from dataclasses import dataclass

import numpy as np

from ..errors import NotARadiograph, UnreadableRadiograph


@dataclass(slots=True)
class RasterHeader:
    rows: int
    columns: int
    bits: int  #: of one sample
    photometric: str  #: grey, colour, palette, CMYK
    alpha: bool = False
    orientation: int = 1  #: EXIF tag 274
    white_is_zero: bool = False  #: of a TIFF


def png_header(data: bytes) -> RasterHeader:
    """Walk the chunks up to IEND (PNG 5.3). libpng checks their sums."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise UnreadableRadiograph("truncated", "the PNG ends inside its header")
    columns, rows, bits, colour = struct.unpack_from(">IIBB", data, 16)
    name = {0: "grey", 2: "colour", 3: "palette", 4: "grey", 6: "colour"}.get(colour)
    if name is None or not rows or not columns:
        raise UnreadableRadiograph("bad-header", "the PNG header contradicts itself")
    header = RasterHeader(rows, columns, bits, name, alpha=colour in (4, 6))
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":
            return header
        if kind == b"tRNS":
            header.alpha = True
        elif kind == b"acTL" and length == 8 and struct.unpack_from(">I", data, at + 8)[0] > 1:
            raise NotARadiograph("multi-frame", "an animated PNG")
        elif kind == b"eXIf":
            header.orientation = exif_orientation(data[at + 8 : at + 8 + length])
        at += 12 + length
    raise UnreadableRadiograph("truncated", f"the PNG is not complete after {kilobytes(data)} KB")


def bmp_header(data: bytes) -> RasterHeader:
    if len(data) < 54:
        raise UnreadableRadiograph("truncated", "the BMP ends inside its header")
    offset, size, columns, rows = struct.unpack_from("<IIii", data, 10)
    if size < 40:
        raise UnreadableRadiograph("unsupported", "a BMP of the OS/2 kind")
    _, bits, compression = struct.unpack_from("<HHI", data, 26)
    rows = abs(rows)
    if columns <= 0 or not rows or bits not in (1, 4, 8, 16, 24, 32):
        raise UnreadableRadiograph("bad-header", "the BMP header contradicts itself")
    if compression in (0, 3) and offset + (columns * bits + 31) // 32 * 4 * rows > len(data):
        raise UnreadableRadiograph("truncated", f"the BMP is not complete after {kilobytes(data)} KB")
    name = "palette" if bits <= 8 else "colour"
    return RasterHeader(rows, columns, 8, name)


def webp_header(data: bytes) -> RasterHeader:
    """VP8, VP8L or VP8X (WebP container specification)."""
    if len(data) < 30:
        raise UnreadableRadiograph("truncated", "the WebP ends inside its header")
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise UnreadableRadiograph("truncated", f"the WebP is not complete after {kilobytes(data)} KB")
    kind, alpha = data[12:16], False
    if kind == b"VP8 ":
        columns, rows = (number & 0x3FFF for number in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        columns, rows, alpha = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, bool(packed >> 28 & 1)
    elif kind == b"VP8X":
        if data[20] & 0x02:
            raise NotARadiograph("multi-frame", "an animated WebP")
        columns = int.from_bytes(data[24:27], "little") + 1
        rows = int.from_bytes(data[27:30], "little") + 1
        alpha = bool(data[20] & 0x10)
    else:
        raise UnreadableRadiograph("corrupt", "the WebP data is damaged")
    header = RasterHeader(rows, columns, 8, "colour", alpha)
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            header.orientation = exif_orientation(data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return header


def tiff_header(data: bytes) -> RasterHeader:
    """The first page (TIFF 6.0 section 2; BigTIFF). Every strip or tile must lie inside the file."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    tags, following = _directory(data, order, big, _first_directory(data, order, big))
    columns, rows = _first(tags, 256, 0), _first(tags, 257, 0)
    if not rows or not columns:
        raise UnreadableRadiograph("bad-header", "the TIFF does not state its size")
    bits = max(map(int, tags.get(258, [])), default=1)
    if bits > 16 or _first(tags, 339, 1) not in (1, 4) or not 1 <= _first(tags, 277, 1) <= _SAMPLES:
        raise UnreadableRadiograph(
            "unsupported", f"a TIFF of signed, 32-bit or floating-point values, or of over {_SAMPLES} samples a pixel"
        )
    tile = _first(tags, 322, 1) * _first(tags, 323, 1)
    if tile > max(4 * rows * columns, _LARGE_TILE):  # the decoder takes memory for a whole one
        raise UnreadableRadiograph("bad-header", "the TIFF's tiles are far larger than its picture")
    offsets = _either(tags, 273, 324)
    counts = _either(tags, 279, 325)
    both = min(len(offsets), len(counts))
    # float64 holds every offset that a file can have, and cannot overflow
    if both and (offsets[:both].astype(np.float64) + counts[:both]).max() > len(data):
        raise UnreadableRadiograph("truncated", f"the TIFF is not complete after {kilobytes(data)} KB")
    if following:
        other, _ = _directory(data, order, big, following)
        if _first(other, 256, 0) == columns and _first(other, 257, 0) == rows and not _first(other, 254, 0) & 1:
            raise NotARadiograph("multi-frame", "a TIFF of several pages")
    photometric = _first(tags, 262, 1)
    name = {0: "grey", 1: "grey", 3: "palette", 5: "CMYK"}.get(photometric, "colour")
    return RasterHeader(rows, columns, bits, name, 338 in tags, _first(tags, 274, 1), photometric == 0)


def _first_directory(data: bytes, order: str, big: bool) -> int:
    try:
        return struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    except struct.error:
        raise UnreadableRadiograph("truncated", "the TIFF ends inside its header") from None


_LARGE_TILE = 1 << 24  #: pixels
_SAMPLES = 5  #: CMYK and alpha
_TIFF_TYPES = {1: "u1", 3: "u2", 4: "u4", 6: "i1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8"}
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_PLACES = {273, 279, 324, 325}  #: offsets and byte counts of strips and tiles: as many as the file likes
_NEEDED = {254, 256, 257, 258, 262, 274, 277, 322, 323, 338, 339} | _PLACES
_FEW = 16  #: values that are read of any other tag


def _directory(data: bytes, order: str, big: bool, at: int) -> tuple[dict[int, np.ndarray], int]:
    """One directory's integer tags that are needed here, and where the next one is.

    Of a tag that stands there twice the first counts, as in libtiff. Values are views of `data`: however many entries
    share one long array, they take no memory.
    """
    entry, number = (20, "Q") if big else (12, "I")
    try:
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
        at += 8 if big else 2
        if count > 4096:
            raise UnreadableRadiograph("bad-header", "the TIFF's directory is damaged")
        tags: dict[int, np.ndarray] = {}
        told = 0
        for _ in range(count):
            tag, kind, values = struct.unpack_from(order + "HH" + number, data, at)
            told += _TIFF_SIZES.get(kind, 0) * values
            if tag in _NEEDED and tag not in tags:
                place = at + (12 if big else 8)
                form = np.dtype(order + _TIFF_TYPES.get(kind, "u1"))
                if form.itemsize * values > (8 if big else 4):
                    (place,) = struct.unpack_from(order + number, data, place)
                taken = 0 if kind not in _TIFF_TYPES else values if tag in _PLACES else min(values, _FEW)
                if place + form.itemsize * taken > len(data):
                    raise UnreadableRadiograph("truncated", "the TIFF ends before its directory")
                tags[tag] = np.frombuffer(data, form, taken, place) if taken else np.empty(0, form)
            at += entry
        if told > len(data) + entry * count:  # they share one array; libtiff would copy it for each of them
            raise UnreadableRadiograph("bad-header", "the TIFF's directory tells of more than the file holds")
        (following,) = struct.unpack_from(order + number, data, at)
    except struct.error:
        raise UnreadableRadiograph("truncated", "the TIFF ends before its directory") from None
    return tags, following


def _first(tags: dict[int, np.ndarray], tag: int, default: int) -> int:
    values = tags.get(tag)
    return int(values[0]) if values is not None and len(values) else default


def _either(tags: dict[int, np.ndarray], strips: int, tiles: int) -> np.ndarray:
    values = tags.get(strips)
    return values if values is not None and len(values) else tags.get(tiles, np.empty(0, np.uint32))


def exif_orientation(exif: bytes) -> int:
    """Tag 274 of an EXIF block (a small TIFF), or 1."""
    exif = exif.removeprefix(b"Exif\0\0")
    if exif[:2] not in (b"II", b"MM"):
        return 1
    order = "<" if exif[:2] == b"II" else ">"
    try:
        tags, _ = _directory(exif, order, False, _first_directory(exif, order, False))
    except UnreadableRadiograph:
        return 1
    orientation = _first(tags, 274, 1)
    return orientation if 1 <= orientation <= 8 else 1


def kilobytes(data: bytes) -> int:
    return (len(data) + 1023) // 1024
