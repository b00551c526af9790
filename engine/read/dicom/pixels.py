"""The stored pixels of a single-frame DICOM image, whatever its transfer syntax.

Each compressed stream is known by its own header, not by the transfer syntax alone: exports exist where
that one lies. Its size is compared with Rows and Columns before anything is decoded.
"""

import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ...errors import FileProblem, UnreadableRadiograph
from .. import jpeg, jpeg2000
from ..codecs import imagecodecs
from ..jpeg import Data
from ..jpeg_decode import decode_jpeg
from .header import PIXEL_DATA, TRUNCATED, Element, Header

RLE = "1.2.840.10008.1.2.5"
GE_PRIVATE = "1.2.840.113619.5.2"  #: implicit VR little endian, but for the pixels: big-endian words
DEFLATED = "1.2.840.10008.1.2.1.99"

SYNTAXES = {
    "1.2.840.10008.1.2": "implicit VR little endian",
    "1.2.840.10008.1.2.1": "explicit VR little endian",
    "1.2.840.10008.1.2.1.98": "encapsulated uncompressed explicit VR little endian",
    "1.2.840.10008.1.2.1.99": "deflated explicit VR little endian",
    "1.2.840.10008.1.2.2": "explicit VR big endian",
    "1.2.840.10008.1.2.5": "RLE lossless",
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended, 12 bit",
    "1.2.840.10008.1.2.4.57": "JPEG lossless",
    "1.2.840.10008.1.2.4.70": "JPEG lossless, first-order prediction",
    "1.2.840.10008.1.2.4.80": "JPEG-LS lossless",
    "1.2.840.10008.1.2.4.81": "JPEG-LS near-lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.4.201": "HTJ2K lossless",
    "1.2.840.10008.1.2.4.202": "HTJ2K lossless, RPCL",
    "1.2.840.10008.1.2.4.203": "HTJ2K",
    GE_PRIVATE: "GE's implicit VR little endian with big-endian pixels",
}
UNCOMPRESSED = {uid for uid in SYNTAXES if uid.startswith("1.2.840.10008.1.2.1")} | {
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
    GE_PRIVATE,
}
_T = TypeVar("_T")

COMPRESSED = SYNTAXES.keys() - UNCOMPRESSED


@dataclass(slots=True)
class ImagePixel:
    """The Image Pixel module's numbers (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int  #: SamplesPerPixel: 1 or 3
    photometric: str  #: PhotometricInterpretation
    allocated: int  #: BitsAllocated: 8 or 16
    stored: int  #: BitsStored
    high: int  #: HighBit
    signed: bool  #: PixelRepresentation
    planar: bool  #: PlanarConfiguration: RRR GGG BBB


@dataclass(slots=True)
class Stored:
    """Stored values before any grey-scale rule.

    pixels: [rows, columns] for one sample, [rows, columns, 3] for colour; uint8 or uint16 words as they lie
    in the file (sign and unused bits still in them). luma: colour came back as its Y plane already.
    ybr: the three samples are Y, CB, CR. compressed: out of a codestream, so no stray bits in the words.
    """

    pixels: np.ndarray
    decoder: str
    luma: bool = False
    ybr: bool = False
    compressed: bool = False


def read_stored(header: Header, image: ImagePixel) -> Stored:
    """Decode the pixels. Raise UnreadableRadiograph."""
    element = header.elements[PIXEL_DATA]
    if element.length >= 0 and header.transfer_syntax not in COMPRESSED:
        if header.transfer_syntax and header.transfer_syntax not in UNCOMPRESSED:  # its words may lie in any order
            raise UnreadableRadiograph("unsupported", "a transfer syntax that xscan does not know")
        if header.transfer_syntax == DEFLATED:
            _require_end(header, element)
        order = ">" if header.transfer_syntax == GE_PRIVATE else header.order
        return _native(header, image, element.start, element.length, element.vr or b"OW", order)
    frame = _frame(header.content, element.start, header.order) if element.length < 0 else header.value(PIXEL_DATA)
    if header.transfer_syntax == RLE:
        return _rle(frame, image)
    if frame[:2] == b"\xff\xd8":
        return _jpeg(frame, image)
    if frame[:4] == b"\xff\x4f\xff\x51" or frame[4:8] == b"jP  ":
        return _jpeg2000(frame, image)
    if header.transfer_syntax in UNCOMPRESSED:  # encapsulated uncompressed (PS3.5 A.4.11)
        plain = Header(bytes(frame), header.order)
        return _native(plain, image, 0, len(frame), b"OW", header.order)
    if header.transfer_syntax in SYNTAXES:
        raise UnreadableRadiograph("corrupt", "the compressed picture does not begin like one")
    raise UnreadableRadiograph("unsupported", "a transfer syntax that xscan does not know")


_FRAGMENTS = 200_000  #: of one frame; devices write one, or some of kilobytes each


def _frame(content: bytes, at: int, order: str) -> Data:
    """Join the fragments of a single frame, the offset table left out (PS3.5 A.4)."""
    fragments: list[Data] = []
    view = memoryview(content)  # a stream of megabytes is not copied to be decoded
    while at + 8 <= len(content):
        group, element, length = struct.unpack_from(order + "HHI", content, at)
        at += 8
        if group != 0xFFFE or element == 0xE0DD:
            break
        if element != 0xE000 or at + length > len(content):
            raise UnreadableRadiograph("truncated", "the file ends inside its compressed picture")
        if len(fragments) > _FRAGMENTS:
            raise UnreadableRadiograph("bad-header", "the compressed picture is in far too many pieces")
        fragments.append(view[at : at + length])
        at += length
    if len(fragments) < 2:
        if not fragments and at >= len(content):
            raise UnreadableRadiograph("truncated", TRUNCATED)
        raise UnreadableRadiograph("bad-header", "the compressed picture has no data")
    return fragments[1] if len(fragments) == 2 else b"".join(fragments[1:])


def _require_end(header: Header, element: Element) -> None:
    """Raise UnreadableRadiograph unless only whole elements follow the pixels. Raw deflate has no sum: damage shows in
    that bytes are missing or left over (PS3.5 A.5)."""
    at, content = element.start + element.length, header.content
    last = PIXEL_DATA
    while at + 8 <= len(content):
        group, number = struct.unpack_from(header.order + "HH", content, at)
        tag, vr = group << 16 | number, content[at + 4 : at + 6]
        if tag <= last:
            break
        last = tag
        if vr in (b"OB", b"OW", b"UN"):
            at += 12 + (struct.unpack_from(header.order + "I", content, at + 8)[0] if at + 12 <= len(content) else 0)
        else:
            at += 8 + struct.unpack_from(header.order + "H", content, at + 6)[0]
    if at > len(content) or any(content[at:]):
        raise UnreadableRadiograph("corrupt", "the deflated data is damaged")


def _native(header: Header, image: ImagePixel, start: int, length: int, vr: bytes, order: str) -> Stored:
    """order: of the pixels' words."""
    rows, columns, samples = image.rows, image.columns, image.samples
    full_422 = image.photometric == "YBR_FULL_422" and samples == 3 and image.allocated == 8
    # PS3.3 C.7.6.3.1.2: two luma samples and one pair of chroma samples for every two pixels.
    count = rows * columns * (2 if full_422 else samples)
    needed = count * image.allocated // 8
    present = min(length, len(header.content) - start)
    if present < needed:
        raise UnreadableRadiograph("truncated", f"{100 * present // needed} % of the picture is there")
    kind = np.dtype(np.uint8) if image.allocated == 8 else np.dtype(order + "u2")
    values = np.frombuffer(header.content, kind, count, start)
    if order == ">":
        if image.allocated == 16:
            values = values.astype(np.uint16)
        elif vr == b"OW":  # PS3.5 8.1.2: bytes lie swapped in their big-endian words
            even = np.frombuffer(header.content, np.uint8, min(present, count + count % 2), start)
            even = np.append(even, np.zeros(even.size % 2, np.uint8))
            values = even.reshape(-1, 2)[:, ::-1].ravel()[:count]
    if samples == 1:
        return Stored(values.reshape(rows, columns), "none")
    ybr = image.photometric.startswith("YBR_FULL")
    if full_422 and length < rows * columns * 3:
        return Stored(values.reshape(rows, columns // 2, 4)[:, :, :2].reshape(rows, columns), "none", luma=True)
    if full_422:  # written as full YBR all the same
        values = np.frombuffer(header.content, kind, rows * columns * 3, start)
    if image.planar:
        planes = values.reshape(3, rows, columns)
        if ybr:
            return Stored(planes[0], "none", luma=True)
        return Stored(planes.transpose(1, 2, 0), "none")
    return Stored(values.reshape(rows, columns, 3), "none", ybr=ybr)


_RLE_PACKET = 128  #: bytes that one packet unpacks to at most


def _rle(frame: Data, image: ImagePixel) -> Stored:
    """PS3.5 annex G: byte planes, most significant first, colour by plane."""
    depth = image.allocated // 8
    segments = depth * image.samples
    if len(frame) < 64 or struct.unpack_from("<I", frame)[0] != segments:
        raise UnreadableRadiograph("bad-header", "the RLE header does not fit the picture")
    # The decoder trusts these offsets, and reads outside its memory where they lie.
    offsets = [*struct.unpack_from(f"<{segments}I", frame, 4), len(frame)]
    if offsets[0] != 64 or any(one >= other for one, other in itertools.pairwise(offsets)):
        raise UnreadableRadiograph("truncated", "the RLE segments do not lie inside the picture's data")
    needed = segments * image.rows * image.columns
    # A buffer of our own size: what is longer by more than a last packet is refused, whatever the stream unpacks to.
    out = np.zeros(needed + _RLE_PACKET * segments, np.uint8)
    kind = np.dtype(np.uint8 if depth == 1 else "<u2")
    plain = _guarded(lambda: imagecodecs().dicomrle_decode(frame, kind, out=out), "RLE")
    if plain.size < needed:
        raise UnreadableRadiograph("truncated", f"{100 * plain.size // needed} % of the picture is there")
    planes = out[:needed].view(kind).reshape(image.samples, image.rows, image.columns)
    if image.samples == 1:
        return Stored(planes[0], "imagecodecs RLE")
    if image.photometric.startswith("YBR_FULL"):
        return Stored(planes[0], "imagecodecs RLE", luma=True)
    return Stored(planes.transpose(1, 2, 0), "imagecodecs RLE")


def _jpeg(frame: Data, image: ImagePixel) -> Stored:
    head = jpeg.jpeg_header(frame)
    _require_same_size(head.rows, head.columns, head.components, image)
    end = jpeg.require_whole(frame, head)
    if head.process == jpeg.JPEG_LS:
        pixels = _guarded(lambda: imagecodecs().jpegls_decode(frame), "JPEG-LS")
        return _colour(pixels, "imagecodecs JPEG-LS", image)
    rgb = head.components == 3 and _is_rgb_jpeg(head, image)
    pixels, decoder = _guarded(lambda: decode_jpeg(frame, head, end, rgb), "JPEG")
    if pixels.ndim == 2 and image.samples == 3:
        return Stored(pixels, f"{decoder} JPEG", luma=True, compressed=True)
    return _colour(pixels, f"{decoder} JPEG", image, rgb=rgb)


def _is_rgb_jpeg(head: jpeg.JpegHeader, image: ImagePixel) -> bool:
    """Whether the three components are R, G, B. The stream's own word counts first, then the header's."""
    if head.adobe is not None:
        return head.adobe == 0
    if head.jfif:
        return False
    return head.ids == b"RGB" or image.photometric == "RGB"


def _jpeg2000(frame: Data, image: ImagePixel) -> Stored:
    stream = jpeg2000.codestream(frame)
    head = jpeg2000.jpeg2000_header(stream)
    _require_same_size(head.rows, head.columns, head.components, image)
    jpeg2000.require_whole(stream, head)
    # OpenJPEG reads HTJ2K too. OpenJPH is twice as fast, but drops its errors here and returns what it has.
    pixels = _guarded(lambda: imagecodecs().jpeg2k_decode(stream, planar=False), "JPEG 2000")
    if head.signed and not image.signed and pixels.dtype.kind == "i":  # the header decides what the bits mean
        pixels = pixels & ((1 << head.precision) - 1)
    name = "imagecodecs HTJ2K" if head.high_throughput else "imagecodecs JPEG 2000"
    return _colour(pixels, name, image, rgb=head.transformed)  # PS3.5 8.2.4: YBR_FULL comes without a transform


def _colour(pixels: np.ndarray, decoder: str, image: ImagePixel, rgb: bool = False) -> Stored:
    """Check what a decoder returned; words become unsigned. rgb: the decoder undid the colour transform."""
    if pixels.dtype.kind == "i":
        pixels = pixels.view(np.uint16 if pixels.itemsize == 2 else np.uint8)
    if pixels.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        raise UnreadableRadiograph("unsupported", "over 16 bits a pixel")
    shape = (image.rows, image.columns) if image.samples == 1 else (image.rows, image.columns, image.samples)
    if pixels.shape != shape:
        if pixels.shape != (*shape, 1):
            raise UnreadableRadiograph("bad-header", "the picture inside is not of the size in the header")
        pixels = pixels[..., 0]
    ybr = image.samples == 3 and not rgb and image.photometric.startswith("YBR_FULL")
    return Stored(pixels, decoder, ybr=ybr, compressed=True)


def _require_same_size(rows: int, columns: int, components: int, image: ImagePixel) -> None:
    if (rows, columns, components) != (image.rows, image.columns, image.samples):
        raise UnreadableRadiograph("bad-header", "the picture inside is not of the size in the header")


def _guarded(decode: Callable[[], _T | None], name: str) -> _T:
    """Run a decoder; whatever it raises becomes our own words."""
    try:
        pixels = decode()
    except (FileProblem, MemoryError):
        raise
    except Exception:
        raise UnreadableRadiograph("corrupt", f"the {name} data is damaged") from None
    if pixels is None:
        raise UnreadableRadiograph("corrupt", f"the {name} data is damaged")
    return pixels
