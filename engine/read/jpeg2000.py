"""The header of a JPEG 2000 codestream, and whether it is whole (ITU-T T.800 annex A)."""

import struct
from dataclasses import dataclass

from ..errors import UnreadableRadiograph
from .jpeg import Data

_SOC, _SIZ, _SOT, _SOD, _EOC, _CAP, _COD = 0xFF4F, 0xFF51, 0xFF90, 0xFF93, 0xFFD9, 0xFF50, 0xFF52


@dataclass(slots=True)
class Jpeg2000Header:
    rows: int
    columns: int
    components: int
    precision: int  #: bits a sample of the first component
    signed: bool
    high_throughput: bool  #: HTJ2K (T.814)
    transformed: bool  #: of colour: stored as luma and chroma, which a decoder turns back into RGB
    tiles: int
    first_tile: int  #: where the first tile-part begins


def codestream(data: Data) -> Data:
    """The codestream itself: of a JP2 file the content of its `jp2c` box (T.800 annex I)."""
    if data[:4] == b"\xff\x4f\xff\x51":
        return data
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1 and at + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        if kind == b"jp2c":
            return data[at + head : at + length if length else len(data)]
        if length < head:
            break
        at += length
    raise UnreadableRadiograph("truncated", "the JPEG 2000 file ends before its picture")


def jpeg2000_header(data: Data) -> Jpeg2000Header:
    """Read SIZ and walk the main header of a codestream. Raise UnreadableRadiograph."""
    if len(data) < 45 or data[:4] != b"\xff\x4f\xff\x51":
        raise UnreadableRadiograph("truncated", "the JPEG 2000 data ends inside its header")
    x1, y1, x0, y0, tile_w, tile_h, tile_x, tile_y, components = struct.unpack_from(">8IH", data, 8)
    depth = data[42]
    # T.800 B-3, B-4. Sizes from 2**31 are legal on paper; a decoder looped over them for ever.
    if (
        max(x1, y1, tile_w, tile_h) >= 2**31
        or not tile_x <= x0 < min(x1, tile_x + tile_w)
        or not tile_y <= y0 < min(y1, tile_y + tile_h)
        or not 1 <= components <= 4
    ):
        raise UnreadableRadiograph("bad-header", "the JPEG 2000 header contradicts itself")
    tiles = -(-(x1 - tile_x) // tile_w) * -(-(y1 - tile_y) // tile_h)
    if tiles > 65_535:
        raise UnreadableRadiograph("bad-header", "the JPEG 2000 header contradicts itself")
    header = Jpeg2000Header(
        y1 - y0, x1 - x0, components, (depth & 0x7F) + 1, bool(depth & 0x80), False, False, tiles, 0
    )
    at = 2
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _SOT:
            header.first_tile = at
            return header
        if marker == _COD and at + 9 <= len(data):
            header.transformed = bool(data[at + 8])  # T.800 table A.15
        if marker == _CAP:
            header.high_throughput = True
        if marker < 0xFF00 or length < 2:
            raise UnreadableRadiograph("corrupt", "the JPEG 2000 header is damaged")
        at += 2 + length
    raise UnreadableRadiograph("truncated", "the JPEG 2000 data ends inside its header")


def require_whole(data: Data, header: Jpeg2000Header) -> None:
    """Raise UnreadableRadiograph `truncated` unless every tile-part lies inside the data (T.800 A.4.2)."""
    at, seen = header.first_tile, set()
    while at + 2 <= len(data):
        (marker,) = struct.unpack_from(">H", data, at)
        if marker == _EOC:
            break
        if marker != _SOT or at + 12 > len(data):
            at = len(data) + 1  # neither the end nor another tile-part: a copy that was never filled
            break
        tile, length = struct.unpack_from(">HI", data, at + 4)
        seen.add(tile)
        if length == 0:  # the last tile-part, up to the end of the codestream
            if bytes(data).rstrip(b"\0").endswith(b"\xff\xd9"):
                break
            at = len(data) + 1
            break
        if length < 14:
            raise UnreadableRadiograph("corrupt", "the JPEG 2000 tiles are damaged")
        at += length
    if at > len(data) or len(seen) < header.tiles:
        raise UnreadableRadiograph("truncated", "the JPEG 2000 data ends before its picture does")
