"""Rasters: every format, depth and colour becomes the right grey; half a file is never half a film."""

import struct
from io import BytesIO
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from xscan.engine.errors import FileProblem, NotARadiograph, UnreadableRadiograph
from xscan.engine.read.decode import read_bytes
from xscan.engine.read.film import Limits

from .dicom_maker import phantom

GREY = phantom(120, 90).astype(np.uint8)
NOISE = (GREY // 2 + np.random.default_rng(3).integers(0, 100, GREY.shape)).astype(np.uint8)


def saved(picture: np.ndarray, kind: str, mode: str = "", **options: Any) -> bytes:
    image = Image.fromarray(picture)
    stream = BytesIO()
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "allowed"),
    [
        (saved(GREY, "PNG"), "PNG", 0),
        (saved(GREY, "PNG", "RGB"), "PNG", 1),
        (saved(GREY, "PNG", "P"), "PNG", 1),
        (saved(GREY, "PNG", "LA"), "PNG", 0),
        (saved(GREY, "PNG", "RGBA"), "PNG", 1),
        (saved(GREY, "BMP"), "BMP", 0),
        (saved(GREY, "BMP", "RGB"), "BMP", 1),
        (saved(GREY, "TIFF"), "TIFF", 0),
        (saved(GREY, "TIFF", compression="tiff_lzw"), "TIFF", 0),
        (saved(GREY, "TIFF", compression="tiff_adobe_deflate"), "TIFF", 0),
        (saved(GREY, "TIFF", compression="jpeg", quality=98), "TIFF", 3),
        (saved(GREY, "TIFF", "RGB"), "TIFF", 1),
        (saved(GREY, "TIFF", "CMYK"), "TIFF", 1),
        (saved(GREY, "JPEG", quality=98), "JPEG", 3),
        (saved(GREY, "JPEG", "RGB", quality=98), "JPEG", 3),
        (saved(GREY, "JPEG", "CMYK", quality=98), "JPEG", 4),
        (saved(GREY, "JPEG", progressive=True, quality=98), "JPEG", 3),
        (saved(GREY, "WEBP", "RGB", lossless=True), "WebP", 1),
        (saved(GREY, "WEBP", "RGBA", lossless=True), "WebP", 1),
        (saved(GREY, "WEBP", "RGB", quality=98), "WebP", 8),
        (imagecodecs.jpeg2k_encode(GREY, codecformat="JP2", reversible=True), "JPEG 2000", 0),
        (imagecodecs.jpeg2k_encode(GREY, codecformat="J2K", reversible=True), "JPEG 2000", 0),
        (imagecodecs.htj2k_encode(GREY, reversible=True), "JPEG 2000", 0),
        (imagecodecs.jpegls_encode(GREY), "JPEG-LS", 0),
        (imagecodecs.jpeg8_encode(GREY, lossless=True), "JPEG", 0),
    ],
)
def test_formats(content: bytes, kind: str, allowed: int) -> None:
    read = read_bytes(content)
    assert read.grey.dtype == np.uint8
    assert np.abs(read.grey - GREY.astype(int)).max() <= allowed
    assert read.facts.format == kind
    assert (read.facts.rows, read.facts.columns) == GREY.shape


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_16_bit_rasters_are_shown_by_the_range_they_use(bits: int) -> None:
    values = phantom(120, 90, bits=bits).astype(np.uint16)
    wanted = np.rint(values / ((1 << bits) - 1) * 255)
    for content in (
        cv2.imencode(".png", values)[1].tobytes(),
        cv2.imencode(".tif", values)[1].tobytes(),
        imagecodecs.jpeg2k_encode(values, codecformat="JP2", reversible=True),
    ):
        read = read_bytes(bytes(content))
        assert np.abs(read.grey - wanted).max() <= 1
        assert read.facts.bits == bits


def test_16_bit_miniswhite_tiff() -> None:
    for dtype in (np.uint8, np.uint16):
        values = phantom(120, 90, bits=8 * np.dtype(dtype).itemsize).astype(dtype)
        content = imagecodecs.tiff_encode(np.iinfo(dtype).max - values, photometric="miniswhite")
        wanted = values if dtype == np.uint8 else np.rint(values / 257)
        assert np.abs(read_bytes(bytes(content)).grey - wanted).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    turned = {
        1: GREY,
        2: GREY[:, ::-1],
        3: GREY[::-1, ::-1],
        4: GREY[::-1],
        5: GREY.T,
        6: GREY[::-1].T,
        7: GREY[::-1, ::-1].T,
        8: GREY.T[::-1],
    }
    options: dict[str, Any] = {"quality": 98} if kind == "JPEG" else {}
    read = read_bytes(saved(GREY, kind, exif=exif.tobytes(), **options))
    assert read.grey.shape == turned[orientation].shape == (read.facts.rows, read.facts.columns)
    assert np.abs(read.grey - turned[orientation].astype(int)).max() <= 3


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_transparent_is_air(orientation: int) -> None:
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:40] = 0
    alpha[40:60, :20] = 128
    exif = Image.Exif()
    exif[274] = orientation
    picture = np.dstack([GREY, GREY, GREY, alpha])
    wanted = (GREY * (alpha / 255)).astype(np.uint8)
    wanted = {1: wanted, 3: wanted[::-1, ::-1], 6: wanted[::-1].T, 8: wanted.T[::-1]}[orientation]
    read = read_bytes(saved(picture, "PNG", exif=exif.tobytes()))
    assert np.abs(read.grey - wanted.astype(int)).max() <= 1


WHOLE = {
    "jpeg": saved(NOISE, "JPEG", quality=90),
    "progressive": saved(NOISE, "JPEG", quality=90, progressive=True),
    "restarts": cv2.imencode(".jpg", NOISE, [cv2.IMWRITE_JPEG_RST_INTERVAL, 4])[1].tobytes(),
    "colour jpeg": saved(np.dstack([NOISE] * 3), "JPEG", quality=90),
    "thumbnail": saved(NOISE, "JPEG", quality=90, exif=b"Exif\0\0" + saved(GREY[:20, :20], "JPEG")),
    "12-bit jpeg": imagecodecs.jpeg8_encode(NOISE.astype(np.uint16) * 16, bitspersample=12),
    "lossless jpeg": imagecodecs.jpeg8_encode(NOISE, lossless=True),
    "jpeg-ls": imagecodecs.jpegls_encode(NOISE),
    "png": saved(NOISE, "PNG"),
    "webp": saved(NOISE, "WEBP", "RGB", lossless=True),
    "lossy webp": saved(NOISE, "WEBP", "RGB"),
    "bmp": saved(NOISE, "BMP"),
    "tiff": saved(NOISE, "TIFF"),
    "deflated tiff": saved(NOISE, "TIFF", compression="tiff_adobe_deflate"),
    "jp2": imagecodecs.jpeg2k_encode(NOISE, codecformat="JP2", reversible=True),
    "j2k": imagecodecs.jpeg2k_encode(NOISE, codecformat="J2K", reversible=True),
    "htj2k": imagecodecs.htj2k_encode(NOISE, reversible=True),
}


@pytest.mark.parametrize("name", WHOLE)
def test_no_cut_is_taken_for_a_whole_film(name: str) -> None:
    whole = WHOLE[name]
    read_bytes(whole)
    for cut in {*range(150, len(whole) - 12, max(1, len(whole) // 60)), len(whole) - 12}:
        with pytest.raises(UnreadableRadiograph) as problem:
            read_bytes(whole[:cut])
        assert problem.value.code in ("truncated", "corrupt")


@pytest.mark.parametrize("name", ["jpeg", "restarts", "colour jpeg", "lossless jpeg", "png", "jp2"])
def test_the_rest_of_a_copy_full_of_zeros_is_noticed(name: str) -> None:
    whole = WHOLE[name]
    half = len(whole) // 2
    with pytest.raises(UnreadableRadiograph):
        read_bytes(whole[:half] + bytes(len(whole) - half))


@pytest.mark.parametrize("name", ["jpeg", "restarts", "colour jpeg", "progressive"])
def test_an_end_marker_behind_half_a_jpeg_does_not_hide_it(name: str) -> None:
    whole = saved(NOISE, "JPEG", quality=90) if name == "progressive" else WHOLE[name]
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(UnreadableRadiograph, match="truncated"):
            read_bytes(whole[: int(len(whole) * share)] + b"\xff\xd9")


@pytest.mark.parametrize("name", ["jpeg", "progressive", "restarts", "png", "webp", "bmp", "tiff", "jp2"])
def test_what_follows_a_whole_picture_does_not_matter(name: str) -> None:
    for tail in (b"\0", b"garbage" * 40, bytes(3000)):
        assert np.array_equal(read_bytes(WHOLE[name] + tail).grey, read_bytes(WHOLE[name]).grey)


def test_a_mid_grey_film_is_whole() -> None:
    flat = np.full((64, 64), 128, np.uint8)
    assert np.array_equal(read_bytes(saved(flat, "JPEG")).grey, flat)
    flat[:20] = 30
    assert read_bytes(saved(flat, "JPEG")).grey.shape == flat.shape


def test_a_damaged_png_is_noticed_by_its_sums() -> None:
    damaged = bytearray(WHOLE["png"])
    damaged[len(damaged) // 2] ^= 1
    with pytest.raises(UnreadableRadiograph, match="corrupt"):
        read_bytes(bytes(damaged))


def test_pages_and_animations_are_skipped() -> None:
    pages = [Image.fromarray(picture) for picture in (NOISE, GREY)]
    for kind in ("TIFF", "WEBP", "PNG"):
        stream = BytesIO()
        pages[0].save(stream, kind, save_all=True, append_images=pages[1:])
        with pytest.raises(NotARadiograph, match="multi-frame"):
            read_bytes(stream.getvalue())


def lying(kind: str) -> bytes:
    """A file whose header claims 60,000 x 60,000 pixels."""
    content = bytearray(WHOLE[kind])
    if kind == "png":
        content[16:24] = struct.pack(">II", 60_000, 60_000)
    elif kind == "bmp":
        content[18:26] = struct.pack("<ii", 60_000, 60_000)
    elif kind == "jpeg":
        at = content.index(b"\xff\xc0")
        content[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    elif kind == "j2k":
        content[8:16] = struct.pack(">II", 60_000, 60_000)
    else:
        for tag in (256, 257):
            at = content.index(struct.pack("<HH", tag, 4), struct.unpack_from("<I", content, 4)[0])
            content[at + 8 : at + 12] = struct.pack("<I", 60_000)
    return bytes(content)


@pytest.mark.parametrize("kind", ["png", "bmp", "jpeg", "j2k", "tiff"])
def test_too_many_pixels_are_refused_before_decoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for package, name in ((cv2, "imdecode"), (simplejpeg, "decode_jpeg"), (imagecodecs, "tiff_decode")):
        monkeypatch.setattr(package, name, lambda *_: pytest.fail("pixels were decoded"))
    with pytest.raises(UnreadableRadiograph) as problem:
        read_bytes(lying(kind))
    assert problem.value.code in ("too-many-pixels", "truncated", "bad-header")


def test_the_limits_can_be_set() -> None:
    with pytest.raises(UnreadableRadiograph, match="too-many-pixels"):
        read_bytes(WHOLE["png"], Limits(max_pixels=120 * 90 - 1))
    read_bytes(WHOLE["png"], Limits(max_pixels=120 * 90))


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"hello", b"%PDF-1.4", b"GIF89a" + bytes(300), b"\xff\xd8\xff"])
def test_other_files(content: bytes) -> None:
    with pytest.raises(FileProblem) as problem:
        read_bytes(content)
    assert problem.value.code in ("empty", "not-an-image", "truncated", "unsupported")
