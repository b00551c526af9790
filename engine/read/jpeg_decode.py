"""JPEG pixels from decoders whose complaints are heard: a hole or a missing part is never scored.

libjpeg goes on after damage with a warning, which few bindings pass on.

8 bits: libjpeg-turbo by simplejpeg, which raises what libjpeg warns of.
Lossless, and 12 bits sequential, of one component: the compiled _jpeg.c, which stops where libjpeg-turbo would warn.
What is left (12 bits progressive or in colour, 16 bits in colour; all of the second kind without a compiler):
imagecodecs, three times: data put in front of the end marker must change nothing, and other last bytes something.
"""

import re

import cv2
import numpy as np

from ..errors import UnreadableRadiograph
from .cmyk import grey_of_cmyk
from .codecs import imagecodecs, simplejpeg
from .jpeg import BASELINE_TO_PROGRESSIVE, LOSSLESS, Data, JpegHeader, mended

try:
    from . import _jpeg
except ImportError:  # no compiler where xscan was installed
    _jpeg = None

COMPILED = _jpeg is not None
_DAMAGED = "the JPEG data is damaged"
_TRUNCATED = "the JPEG's picture is not complete before its end marker"
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_PADDING = 3  #: zero bytes between the data and the end marker that do not count as damage; as in _jpeg.c
_ADOBE_RGB = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"  #: transform 0: the components are R, G, B


def decode_jpeg(
    data: Data, head: JpegHeader, end: int, rgb: bool = False, tables: bytes = b""
) -> tuple[np.ndarray, str]:
    """The picture, and the decoder's name. Raise UnreadableRadiograph.

    data, head, end: the stream, its header and the place of its end marker (`require_whole`). rgb: three components
    are R, G, B, whatever the stream says, and come back so; else colour of 8 bits comes back as its luma. tables: a
    stream of tables alone, which belongs before this one.
    Gives uint8 or uint16 [rows, columns] or [rows, columns, 3], CMYK of 8 bits as grey.
    """
    if head.process not in (LOSSLESS, *BASELINE_TO_PROGRESSIVE):
        raise UnreadableRadiograph("unsupported", "a JPEG process that no installed decoder reads")
    data = mended(data, head)
    if tables:
        data, end = b"".join((tables[:-2], data[2:])), end + len(tables) - 4
    if head.precision == 8 and head.process in BASELINE_TO_PROGRESSIVE:
        return _eight_bits(data, head, end, rgb), "libjpeg-turbo"
    if head.components == 1 and _jpeg is not None:
        kind = np.uint8 if head.precision <= 8 else np.uint16
        pixels = np.empty((head.rows, head.columns), kind)
        fate = _jpeg.decode(data, pixels)
        if fate == 1:
            raise UnreadableRadiograph("corrupt", _DAMAGED)
        if fate == 2:
            raise UnreadableRadiograph("truncated", _TRUNCATED)
        if fate == 0:
            return pixels, "xscan"
    return without_compiler(data, end), "imagecodecs"


def _eight_bits(data: Data, head: JpegHeader, end: int, rgb: bool) -> np.ndarray:
    form = {1: "GRAY", 3: "RGB" if rgb else "GRAY", 4: "CMYK"}.get(head.components)
    if form is None:
        raise UnreadableRadiograph("unsupported", "a JPEG of two components, or over four")
    if rgb and head.adobe is None and head.components == 3:
        data = b"".join((data[:2], _ADOBE_RGB, data[2:]))
        end += len(_ADOBE_RGB)
    decode = simplejpeg().decode_jpeg
    try:
        pixels = decode(data, form)
    except ValueError as complaint:
        text = str(complaint)
        left_over = _LEFT_OVER.search(text)
        if "premature end" in text.lower():
            raise UnreadableRadiograph("truncated", _TRUNCATED) from None
        if left_over is None or any(data[end - min(int(left_over[1]), _PADDING + 1) : end]):
            raise UnreadableRadiograph("corrupt", _DAMAGED) from None
        if int(left_over[1]) > _PADDING:
            raise UnreadableRadiograph("corrupt", _DAMAGED) from None
        pixels = decode(data, form, strict=False)
    if form == "CMYK":  # sound
        if (grey := grey_of_cmyk(pixels, tiff=False)) is not None:
            return grey
        flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if pixels is None:
            raise UnreadableRadiograph("corrupt", _DAMAGED)
    return pixels[..., 0] if form == "GRAY" and pixels.ndim == 3 else pixels


def without_compiler(data: Data, end: int) -> np.ndarray:
    """Decode what only imagecodecs reads, which drops libjpeg's warnings. Raise UnreadableRadiograph.

    Damage shifts all codes behind it, so that at the end data is missing or left over.
    """
    decode = imagecodecs().jpeg8_decode
    pixels = decode(data)
    further = bytes(range(1, 250)) * 64 + b"\xff\xd9"
    if not np.array_equal(decode(bytes(data[:end]) + further), pixels):
        raise UnreadableRadiograph("truncated", _TRUNCATED)
    at = end - 8
    while data[at - 1] == 0xFF:
        at -= 1
    others = bytes((byte ^ 0x5A) & 0x7F for byte in data[at:end])
    if np.array_equal(decode(bytes(data[:at]) + others + further), pixels):
        raise UnreadableRadiograph("corrupt", _DAMAGED)
    return pixels
