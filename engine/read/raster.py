"""JPEG, PNG, TIFF, BMP, WebP and JPEG 2000 to one grey picture."""

from collections.abc import Callable

import cv2
import numpy as np

from ..errors import UnreadableRadiograph
from . import jpeg, jpeg2000
from .codecs import imagecodecs
from .film import Facts, Film, Limits, require_pixels
from .jpeg_decode import decode_jpeg
from .look_up import look_up
from .raster_headers import RasterHeader, bmp_header, exif_orientation, png_header, webp_header
from .tiff_decode import decode_tiff
from .tiff_header import BLACK_IS_ZERO, CMYK, PALETTE, WHITE_IS_ZERO, tiff_page

# OpenCV would write a decoder's complaint to stderr; the row says it in our own words.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

_HEADERS: dict[str, Callable[[bytes], RasterHeader]] = {
    "PNG": png_header,
    "BMP": bmp_header,
    "WebP": webp_header,
}
_GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH  # applies the EXIF orientation; CMYK and colour become Y


def read_raster(content: bytes, kind: str, limits: Limits) -> Film:
    """Decode a raster file. kind: as `sniff` names it. Raise NotARadiograph or UnreadableRadiograph."""
    if kind == "JPEG":
        return _read_jpeg(content, limits)
    if kind == "JPEG 2000":
        return _read_jpeg2000(content, limits)
    if kind == "TIFF":
        return _read_tiff(content, limits)
    header = _HEADERS[kind](content)
    require_pixels(header.rows, header.columns, limits)
    grey = _decode(content, _GREY, kind)
    if header.alpha:
        grey = _on_black(grey, content, header, kind)
    return _film(grey, kind, header.photometric, "opencv")


def _read_tiff(content: bytes, limits: Limits) -> Film:
    page, content = tiff_page(content)
    require_pixels(page.rows, page.columns, limits)
    pixels = _oriented(_to_grey(decode_tiff(content, page)), page.orientation)
    name = {WHITE_IS_ZERO: "grey", BLACK_IS_ZERO: "grey", PALETTE: "palette", CMYK: "CMYK"}
    film = _film(np.ascontiguousarray(pixels), "TIFF", name.get(page.photometric, "colour"), "imagecodecs")
    film.facts.inverted = page.photometric == WHITE_IS_ZERO
    return film


def _read_jpeg(content: bytes, limits: Limits) -> Film:
    head = jpeg.jpeg_header(content)
    require_pixels(head.rows, head.columns, limits)
    if head.components > 4:
        raise UnreadableRadiograph("unsupported", "a JPEG of over four components")
    end = jpeg.require_whole(content, head)
    photometric = {1: "grey", 4: "CMYK"}.get(head.components, "colour")
    if head.process == jpeg.JPEG_LS:
        pixels, name, decoder = imagecodecs().jpegls_decode(content), "JPEG-LS", "imagecodecs"
    else:
        (pixels, decoder), name = decode_jpeg(content, head, end), "JPEG"
    if head.exif:
        pixels = _oriented(pixels, exif_orientation(bytes(head.exif)))
    return _film(_to_grey(pixels), name, photometric, decoder, bits=head.precision)


def _read_jpeg2000(content: bytes, limits: Limits) -> Film:
    stream = jpeg2000.codestream(content)
    head = jpeg2000.jpeg2000_header(stream)
    require_pixels(head.rows, head.columns, limits)
    jpeg2000.require_whole(stream, head)
    jpeg2000.require_small_palette(content, len(content) - len(stream))
    pixels = imagecodecs().jpeg2k_decode(content, planar=False)
    if head.signed:  # the middle of the range is zero
        pixels = (pixels.astype(np.int32) + (1 << head.precision - 1)).astype(np.uint8 if head.precision <= 8 else "u2")
    if jpeg2000.is_luma_first(content, len(content) - len(stream)):
        pixels = pixels[..., 0]
    grey = _to_grey(pixels)
    if head.precision < 8:  # shown over its whole range
        grey = look_up((np.arange(256) * 255 // ((1 << head.precision) - 1)).clip(0, 255).astype(np.uint8), grey)
    photometric = "grey" if head.components <= 2 else "colour"
    return _film(grey, "JPEG 2000", photometric, "imagecodecs", bits=head.precision)


def _decode(content: bytes, flags: int, kind: str) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if picture is None:
        raise UnreadableRadiograph("corrupt", f"the {kind} data is damaged")
    return picture


def _on_black(grey: np.ndarray, content: bytes, header: RasterHeader, kind: str) -> np.ndarray:
    """Transparent is air: blend onto black. grey: uint8 or uint16 [rows, columns], same returned."""
    picture = _decode(content, cv2.IMREAD_UNCHANGED, kind)
    if picture.ndim != 3 or picture.shape[2] not in (2, 4):
        return grey
    alpha = picture[..., -1]
    opaque = np.iinfo(alpha.dtype).max
    if alpha.min() == opaque:
        return grey
    if alpha.shape != grey.shape or header.orientation > 1:
        alpha = _oriented(alpha, header.orientation)
    return (grey * (alpha / opaque)).astype(grey.dtype)


def _oriented(picture: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture as EXIF's tag 274 says, 1 to 8."""
    if orientation >= 5:
        picture = picture.T
    if orientation in (3, 4, 7, 8):
        picture = picture[::-1]
    if orientation in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    return picture


def _to_grey(pixels: np.ndarray) -> np.ndarray:
    """What imagecodecs returned, to one sample a pixel; a second or fourth sample is alpha."""
    if pixels.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise UnreadableRadiograph("unsupported", "over 16 bits a pixel")
    if pixels.ndim == 3 and pixels.shape[2] in (1, 2):
        pixels = pixels[..., 0]
    elif pixels.ndim == 3:
        pixels = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(pixels)


def _film(grey: np.ndarray, kind: str, photometric: str, decoder: str, bits: int = 0) -> Film:
    if grey.dtype == np.uint16:
        grey, bits = full_range(grey, bits)
        window = f"full range of {bits} bits"
    elif grey.dtype == np.uint8:
        bits, window = 8, "none"
    else:
        raise UnreadableRadiograph("unsupported", "over 16 bits a pixel")
    rows, columns = grey.shape
    facts = Facts(
        format=kind,
        rows=rows,
        columns=columns,
        bits=bits,
        photometric=photometric,
        decoder=decoder,
        window=window,
    )
    return Film(grey, facts)


def full_range(grey: np.ndarray, bits: int = 0) -> tuple[np.ndarray, int]:
    """uint16 [rows, columns] to uint8 by its full range; also the bits of that range.

    Without `bits` it is the least of 10, 12, 14 and 16 that hold the brightest pixel: a 12-bit film in a
    16-bit PNG is not shown at a sixteenth of its brightness.
    """
    highest = int(grey.max())
    if not 8 < bits < 16 or highest >> bits:
        bits = next(bits for bits in (10, 12, 14, 16) if highest < 1 << bits)
    top = (1 << bits) - 1
    table = np.minimum((np.arange(1 << 16, dtype=np.uint32) * 255 + top // 2) // top, 255)
    return look_up(table.astype(np.uint8), grey), bits
