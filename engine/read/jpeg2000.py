"""The header of a JPEG 2000 codestream, and whether it is whole (ITU-T T.800 annex A)."""

import struct
from dataclasses import dataclass

from ..errors import UnreadableRadiograph
from .holes import has_hole
from .jpeg import Data

_SOC, _SIZ, _SOT, _SOD, _EOC, _CAP, _COD = 0xFF4F, 0xFF51, 0xFF90, 0xFF93, 0xFFD9, 0xFF50, 0xFF52
_COC = 0xFF53

MAX_PARTS = 1_000_000  #: precincts and code-blocks of a picture; OpenJPEG takes some 500 bytes for each
MAX_PACKETS = 1 << 26  #: of a tile; OpenJPEG takes two bytes for each


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
    tile_size: tuple[int, int]  #: rows, columns; no larger than the picture
    first_tile: int  #: where the first tile-part begins
    packets: int = 0  #: how many at most


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
    tile_size = min(tile_h, y1), min(tile_w, x1)
    header = Jpeg2000Header(
        y1 - y0, x1 - x0, components, (depth & 0x7F) + 1, bool(depth & 0x80), False, False, tiles, tile_size, 0
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
        _require_few_parts(data, at, header)
        if marker < 0xFF00 or length < 2:
            raise UnreadableRadiograph("corrupt", "the JPEG 2000 header is damaged")
        at += 2 + length
    raise UnreadableRadiograph("truncated", "the JPEG 2000 data ends inside its header")


def _look_at_tile_header(data: Data, at: int, header: Jpeg2000Header) -> None:
    """A tile may say anew how it is divided."""
    while at + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker < 0xFF00 or marker == _SOD or length < 2:
            return
        _require_few_parts(data, at, header)
        at += 2 + length


def _require_few_parts(data: Data, at: int, header: Jpeg2000Header) -> None:
    """Raise UnreadableRadiograph if a COD or COC marker at `at` divides the picture into more parts than memory holds.

    A decoder takes memory for every precinct and code-block before it sees a byte of them: 83 bytes asked for 9 GB.
    Counted as if it held for every tile and component (T.800 A.6.1, A.6.2, B.6, B.7).
    """
    (marker,) = struct.unpack_from(">H", data, at)
    if marker == _COD:
        style, values = at + 4, at + 9
    elif marker == _COC:
        style = at + (5 if header.components < 257 else 6)
        values = style + 1
    else:
        return
    if values + 5 > len(data):
        return  # the header ends here, and the decoder will say so
    levels, width, height = (min(data[values], 32), data[values + 1] + 2, data[values + 2] + 2)
    packets = parts = 0
    for resolution in range(levels + 1):
        size = data[values + 5 + resolution] if data[style] & 1 and values + 5 + resolution < len(data) else 0xFF
        across, down = size & 15, size >> 4
        bands, halved = (1, 0) if resolution == 0 else (3, 1)
        rows, columns = (-(-side >> levels - resolution) for side in header.tile_size)
        precincts = _pieces(rows, down) * _pieces(columns, across)
        blocks = _pieces(rows >> halved, min(height, down - halved)) * _pieces(
            columns >> halved, min(width, across - halved)
        )
        packets += precincts
        parts += precincts + bands * max(blocks, precincts)
    layers = struct.unpack_from(">H", data, at + 6)[0] if marker == _COD else 1
    header.packets = max(header.packets, packets * layers * header.components * header.tiles)
    if parts * header.tiles * header.components > MAX_PARTS or packets * layers * header.components > MAX_PACKETS:
        raise UnreadableRadiograph("bad-header", "the JPEG 2000 picture is cut into far smaller parts than any film")


def _pieces(length: int, exponent: int) -> int:
    """How many pieces of 2 ** exponent hold `length`."""
    return max(1, -(-length >> max(0, exponent)))


_PALETTE = b"pclr"  #: the box's type (T.800 I.5.3.4)


def require_small_palette(data: Data, start: int) -> None:
    """Raise UnreadableRadiograph if a JP2 palette, before the codestream at `start`, makes over four channels."""
    boxes = bytes(data[:start])
    at = boxes.find(_PALETTE)
    while at >= 0:
        if at + 7 > len(boxes) or boxes[at + 6] > 4:  # NE in two bytes, NPC in one
            raise UnreadableRadiograph("unsupported", "a JPEG 2000 palette of over four channels")
        at = boxes.find(_PALETTE, at + 4)


_ZEROS = 64  #: zero bytes in a row that coded coefficients never come to


def is_luma_first(data: Data, start: int) -> bool:
    """Whether a JP2 file, before the codestream at `start`, says that its colours are Y, CB, CR (T.800 I.5.3.3)."""
    return b"colr\x01\0\0\0\0\0\x12" in bytes(data[:start])


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
        _look_at_tile_header(data, at + 12, header)
        if length == 0:  # the last tile-part, up to the end of the codestream
            if bytes(data).rstrip(b"\0").endswith(b"\xff\xd9"):
                break
            at = len(data) + 1
            break
        if length < 14:
            raise UnreadableRadiograph("corrupt", "the JPEG 2000 tiles are damaged")
        at += length
    # No decoder complains of a hole of zeros: to it they are empty packets of one byte each, or coded coefficients.
    if has_hole(data, header.first_tile, header.packets + _ZEROS):
        raise UnreadableRadiograph("corrupt", "the JPEG 2000 data has a hole")
    if at > len(data) or len(seen) < header.tiles:
        raise UnreadableRadiograph("truncated", "the JPEG 2000 data ends before its picture does")
