"""The pixels of a TIFF page: by libtiff, strip by strip, so that a damaged one is an error and no black stripe.

OpenCV and libtiff's own RGBA interface go on after a damaged strip.
"""

import cv2
import numpy as np

from ..errors import UnreadableRadiograph
from . import jpeg
from .cmyk import grey_of_cmyk
from .codecs import imagecodecs
from .jpeg_decode import decode_jpeg
from .look_up import look_up
from .tiff_header import (
    BLACK_IS_ZERO,
    CMYK,
    COMPRESSIONS,
    JPEG,
    LAB,
    NONE,
    OLD_ZLIB,
    PACKBITS,
    PALETTE,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    ZLIB,
    TiffPage,
)


def decode_tiff(content: bytes, page: TiffPage) -> np.ndarray:
    """The picture as it lies in the file, before orientation; WhiteIsZero turned round, transparent on black.

    content: the file, whose first page is `page`. Gives uint8 or uint16 [rows, columns] or [rows, columns, 3].
    Raise UnreadableRadiograph, or what libtiff raises.
    """
    if page.compression not in COMPRESSIONS:
        raise UnreadableRadiograph("unsupported", "a TIFF compression that xscan does not read")
    if page.bits not in (1, 8, 16) and page.compression != JPEG:
        raise UnreadableRadiograph("unsupported", "a TIFF of neither 1, 8 nor 16 bits a sample")
    if page.compression == JPEG:
        pixels = _jpeg_parts(content, page)
    elif page.compression == NONE and _lacks_bytes(page):
        raise UnreadableRadiograph("truncated", "a part of the TIFF's picture is shorter than its rows")
    elif page.photometric in (CMYK, YCBCR, LAB):
        pixels = _converted(content, page)
    elif page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE):
        pixels = imagecodecs().tiff_decode(content)
    else:
        raise UnreadableRadiograph("unsupported", "a TIFF whose colours xscan does not know")
    if page.compression in (ZLIB, OLD_ZLIB, PACKBITS):
        _require_sound_parts(content, page)
    if page.planar and pixels.ndim == 3:
        pixels = cv2.merge(list(pixels))
    if pixels.shape[:2] != (page.rows, page.columns):
        raise UnreadableRadiograph("bad-header", "the TIFF's picture is not of the size in its header")
    if pixels.dtype == bool:
        pixels = pixels * np.uint8(255)
    if page.photometric == PALETTE:
        return _by_palette(pixels, page)
    if page.photometric == WHITE_IS_ZERO:
        pixels = cv2.bitwise_not(np.ascontiguousarray(pixels))
    if page.has_alpha and pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        return _on_black(pixels, page)
    return pixels[..., :3] if pixels.ndim == 3 and pixels.shape[2] > 3 else pixels


def _jpeg_parts(content: bytes, page: TiffPage) -> np.ndarray:
    """Strips or tiles that are JPEG streams, whose tables stand apart (TIFF Technical Note 2)."""
    if page.planar and page.samples > 1:
        raise UnreadableRadiograph("unsupported", "a TIFF of JPEG planes")
    part_columns = page.tile[1] if page.tile else page.columns
    across = -(-page.columns // part_columns)
    down = -(-page.rows // page.part_rows)
    if min(len(page.offsets), len(page.counts)) < across * down:
        raise UnreadableRadiograph("truncated", "the TIFF lacks a part of its picture")
    tables = page.tables if len(page.tables) > 4 else b""
    out: np.ndarray | None = None
    for number in range(across * down):
        start, size = int(page.offsets[number]), int(page.counts[number])
        stream = content[start : start + size]
        head = jpeg.jpeg_header(stream)
        top, left = number // across * page.part_rows, number % across * part_columns
        rows, columns = min(page.part_rows, page.rows - top), min(part_columns, page.columns - left)
        if head.rows < rows or head.columns < columns or head.rows * head.columns > 4 * page.part_rows * part_columns:
            raise UnreadableRadiograph("bad-header", "a part of the TIFF's picture is not of the size in its header")
        rgb = page.photometric == RGB and head.components == 3
        part, _ = decode_jpeg(stream, head, jpeg.require_whole(stream, head), rgb, tables)
        if part.ndim == 3:
            part = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
        if out is None:
            out = np.empty((page.rows, page.columns), part.dtype)
        if part.dtype != out.dtype:
            raise UnreadableRadiograph("bad-header", "the parts of the TIFF's picture do not fit each other")
        out[top : top + rows, left : left + columns] = part[:rows, :columns]
    if out is None:
        raise UnreadableRadiograph("truncated", "the TIFF lacks a part of its picture")
    return out


def _require_sound_parts(content: bytes, page: TiffPage) -> None:
    """libtiff stops when a part's rows are full: it sees neither the sum behind them nor that data is left over."""
    row = _row_bytes(page)
    for number, (start, size) in enumerate(zip(page.offsets.tolist(), page.counts.tolist(), strict=False)):
        part = content[start : start + size]
        if page.compression != PACKBITS:
            imagecodecs().deflate_decode(part, out=row * page.part_rows)  # libdeflate compares the sum
            continue
        rows = _rows_of(page, number)
        if len(imagecodecs().packbits_decode(part)) not in (row * rows, row * page.part_rows):
            raise UnreadableRadiograph("corrupt", "a part of the TIFF's picture is damaged")


def _lacks_bytes(page: TiffPage) -> bool:
    """Whether a part without compression is too short; libtiff warns, and takes what follows it in the file."""
    row, parts = _row_bytes(page), _parts(page) * (page.samples if page.planar else 1)
    return any(count < row * _rows_of(page, number) for number, count in enumerate(page.counts[:parts].tolist()))


def _row_bytes(page: TiffPage) -> int:
    """Bytes of a row of a strip or tile; at least, where colours stand for several pixels."""
    columns = page.tile[1] if page.tile else page.columns
    subsampled = page.photometric == YCBCR and page.subsampled
    samples = 1 if page.planar or subsampled else page.samples
    return (columns * samples * page.bits + 7) // 8


def _parts(page: TiffPage) -> int:
    """Strips or tiles of the picture, or of each plane of it."""
    columns = page.tile[1] if page.tile else page.columns
    return -(-page.rows // page.part_rows) * -(-page.columns // columns)


def _rows_of(page: TiffPage, number: int) -> int:
    """Rows of a strip, the last of which may have fewer, or of a tile."""
    parts = _parts(page)
    is_last = not page.tile and number % parts == parts - 1
    return page.rows - page.part_rows * (parts - 1) if is_last else page.part_rows


def _converted(content: bytes, page: TiffPage) -> np.ndarray:
    """The luma of colours that libtiff turns into RGB. There it goes on after damage: so first as mere samples."""
    if page.bits != 8 or (page.photometric == YCBCR and page.subsampled and page.compression != NONE):
        raise UnreadableRadiograph("unsupported", "a TIFF whose colours no installed decoder checks")
    if page.compression != NONE:
        at = page.photometric_at
        value = BLACK_IS_ZERO.to_bytes(2, "little" if content[:2] == b"II" else "big")
        pixels = imagecodecs().tiff_decode(content[:at] + value + content[at + 2 :])
        grey = grey_of_cmyk(pixels, tiff=True) if page.photometric == CMYK else None
        if grey is not None:
            return grey
    return cv2.cvtColor(imagecodecs().tiff_decode(content, asrgb=True), cv2.COLOR_RGBA2GRAY)


def _by_palette(pixels: np.ndarray, page: TiffPage) -> np.ndarray:
    """Indices to the luma of their colours (TIFF 6.0 section 5); some writers store 8-bit colours in the 16 bits."""
    count = 1 << page.bits
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or page.bits != 8 or page.colours.size < 3 * count:
        raise UnreadableRadiograph("unsupported", "a TIFF palette that is not of 256 colours")
    colours = page.colours[: 3 * count].astype(np.int64).reshape(3, count)
    if colours.max() > 255:
        colours >>= 8
    red, green, blue = colours
    return look_up(((red * 4899 + green * 9617 + blue * 1868 + 8192) >> 14).astype(np.uint8), pixels)


def _on_black(pixels: np.ndarray, page: TiffPage) -> np.ndarray:
    """Transparent is air. pixels: the last sample is alpha."""
    alpha, rest = pixels[..., -1], pixels[..., :-1]
    grey = rest[..., 0] if rest.shape[2] == 1 else cv2.cvtColor(np.ascontiguousarray(rest), cv2.COLOR_RGB2GRAY)
    opaque = np.iinfo(alpha.dtype).max
    if page.alpha == 1 or alpha.min() == opaque:
        return grey
    return (grey * (alpha / opaque)).astype(grey.dtype)
