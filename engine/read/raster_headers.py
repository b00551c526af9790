"""Size, depth and wholeness of PNG, BMP and WebP files, from their headers alone (TIFF: tiff_header.py).

A decoder is called only for what fits the limits and is all there.
"""

import struct
from dataclasses import dataclass

from ..errors import NotARadiograph, UnreadableRadiograph
from .bmp_rle import require_whole_rle
from .holes import has_hole
from .tiff_header import directory, first, first_directory


@dataclass(slots=True)
class RasterHeader:
    rows: int
    columns: int
    bits: int  #: of one sample
    photometric: str  #: grey, colour, palette, CMYK
    alpha: bool = False
    orientation: int = 1  #: EXIF tag 274


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
    if compression in (1, 2):
        if bits != (8, 4)[compression - 1]:
            raise UnreadableRadiograph("bad-header", "the BMP header contradicts itself")
        require_whole_rle(data, offset, rows, columns, bits)
    elif compression not in (0, 3):
        raise UnreadableRadiograph("unsupported", "a BMP compression that xscan does not read")
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
    # libwebp does not notice a hole of zeros. The flattest picture takes a fifth of a bit for a block of 16 x 16,
    # and this is a quarter.
    if has_hole(data[: struct.unpack_from("<I", data, 4)[0] + 8], 30, 64 + rows * columns // (256 * 8 * 4)):
        raise UnreadableRadiograph("corrupt", "the WebP data has a hole")
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            header.orientation = exif_orientation(data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return header


def exif_orientation(exif: bytes) -> int:
    """Tag 274 of an EXIF block (a small TIFF), or 1."""
    exif = exif.removeprefix(b"Exif\0\0")
    if exif[:2] not in (b"II", b"MM"):
        return 1
    order = "<" if exif[:2] == b"II" else ">"
    try:
        tags, _ = directory(exif, order, False, first_directory(exif, order, False))
    except UnreadableRadiograph:
        return 1
    orientation = first(tags, 274, 1)
    return orientation if 1 <= orientation <= 8 else 1


def kilobytes(data: bytes) -> int:
    return (len(data) + 1023) // 1024
