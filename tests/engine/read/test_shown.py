"""Pixels as a viewer shows them or not at all: private syntaxes, lists of windows, shutters, overlays, odd depths."""

import struct
from typing import Any

import imagecodecs
import numpy as np
import pytest

from xscan.engine.errors import UnreadableRadiograph
from xscan.engine.read.decode import read_bytes

from .dicom_maker import DEFLATED, EXPLICIT, IMPLICIT, J2K, JPEG_8, encode, film, phantom

GE = "1.2.840.113619.5.2"
VALUES = phantom(80, 64, bits=12)
FULL: dict[str, Any] = {"WindowCenter": "2047.5", "WindowWidth": "4095", "VOILUTFunction": "LINEAR_EXACT"}
PLAIN = read_bytes(film(VALUES, allocated=16, stored=12, **FULL)).grey


def with_syntax(content: bytes, uid: str) -> bytes:
    """The same file under another transfer syntax (a UID of any length)."""
    at = content.index(b"\x02\x00\x10\x00UI")
    (length,) = struct.unpack_from("<H", content, at + 6)
    raw = uid.encode() + b"\0" * (len(uid) % 2)
    grown = bytearray(content[: at + 6] + struct.pack("<H", len(raw)) + raw + content[at + 8 + length :])
    (group,) = struct.unpack_from("<I", grown, 140)
    struct.pack_into("<I", grown, 140, group + len(raw) - length)
    return bytes(grown)


def test_ge_big_endian_pixels_in_little_endian_headers() -> None:
    plain = film(VALUES, IMPLICIT, allocated=16, stored=12, **FULL)
    swapped = plain.replace(VALUES.astype("<u2").tobytes(), VALUES.astype(">u2").tobytes())
    assert swapped != plain
    assert np.array_equal(read_bytes(with_syntax(swapped, GE)).grey, PLAIN)


@pytest.mark.parametrize(
    "uid", ["1.2.840.113619.5.3", "1.3.46.670589.33.1.4.1", "1.2.752.24.3.7.6", "1.2.840.10008.1.20"]
)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_native_pixels_of_an_unknown_syntax_are_unsupported(uid: str, syntax: str) -> None:
    content = with_syntax(film(VALUES, syntax, allocated=16, stored=12), uid)
    with pytest.raises(UnreadableRadiograph, match="unsupported"):
        read_bytes(content)


def test_a_codestream_under_an_unknown_syntax_says_itself_what_it_is() -> None:
    values = phantom()
    content = with_syntax(film(values, J2K, frame=encode(J2K, values, 8, False)), "1.3.46.670589.33.1.4.1")
    assert np.array_equal(read_bytes(content).grey, values)
    with pytest.raises(UnreadableRadiograph, match="unsupported"):
        read_bytes(with_syntax(film(values, J2K, frame=b"\1\2\3\4" * 200), "1.2.3.4.5"))


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + struct.pack("<H", len(value)) + value


def windowed(center: bytes, width: bytes) -> bytes:
    content = film(VALUES, allocated=16, stored=12)
    at = content.index(b"\xe0\x7f\x10\x00")
    return content[:at] + element(0x00281050, b"DS", center) + element(0x00281051, b"DS", width) + content[at:]


@pytest.mark.parametrize(
    ("center", "width", "shown"),
    [
        (b"1000\\", b"1500\\", "1000/1500"),
        (b"1000\\NaN", b"1500\\NaN", "1000/1500"),
        (b"\\1000", b"\\1500", "1000/1500"),
        (b"1000\\2000", b"\\1500", "2000/1500"),
        (b"nan\\900\\1000", b"100\\inf\\1500", "1000/1500"),
        (b"1000\\2000", b"-5\\1500", "2000/1500"),
        (b"90000\\1000", b"1500\\1500", "1000/1500"),
        (b"1000\\2000\\3000", b"1500", "1000/1500"),
        (b"1000,5", b"1500", "1000.5/1500"),
        (b" 1000 \\x", b"+1.5E3\\", "1000/1500"),
    ],
)
def test_the_first_usable_window_of_a_list_with_gaps(center: bytes, width: bytes, shown: str) -> None:
    assert read_bytes(windowed(center, width)).facts.window == f"window {shown} LINEAR"


@pytest.mark.parametrize(
    ("center", "width"), [(b"\\", b"\\"), (b"x", b"1500"), (b"1000", b"0"), (b"\\1000", b"1500\\")]
)
def test_without_a_usable_window_it_is_made_from_the_picture(center: bytes, width: bytes) -> None:
    assert read_bytes(windowed(center, width)).facts.window.startswith("percentiles")


def edges(left: int, right: int, top: int, bottom: int) -> dict[str, Any]:
    names = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
    return {f"Shutter{name}Edge": str(edge) for name, edge in zip(names, (left, right, top, bottom), strict=True)}


def shown(**elements: Any) -> np.ndarray:
    return read_bytes(film(VALUES, allocated=16, stored=12, **FULL, **elements)).grey


def test_a_rectangular_shutter_is_black_outside() -> None:
    wanted = np.zeros_like(PLAIN)
    wanted[9:70, 4:60] = PLAIN[9:70, 4:60]
    assert np.array_equal(shown(ShutterShape="RECTANGULAR", **edges(5, 60, 10, 70)), wanted)


def test_a_shutter_of_an_inverted_film_is_black_too() -> None:
    grey = shown(ShutterShape="RECTANGULAR", PhotometricInterpretation="MONOCHROME1", **edges(5, 60, 10, 70))
    assert not grey[:9].any()
    assert not grey[:, 60:].any()
    assert np.array_equal(grey[9:70, 4:60], 255 - PLAIN[9:70, 4:60])


def test_round_and_many_sided_shutters_and_several_at_once() -> None:
    y, x = np.mgrid[1:81, 1:65]
    grey = shown(ShutterShape="CIRCULAR", CenterOfCircularShutter=["40", "32"], RadiusOfCircularShutter="25")
    distance = np.hypot(y - 40, x - 32)
    assert np.array_equal(grey[distance < 24], PLAIN[distance < 24])
    assert not grey[distance > 26].any()
    corners = ["10", "10", "10", "50", "70", "50", "70", "10"]
    polygon = shown(ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=corners)
    assert np.array_equal(polygon[9:70, 9:50], PLAIN[9:70, 9:50])
    assert not polygon[:9].any()
    assert not polygon[:, 51:].any()
    both = shown(
        ShutterShape=["RECTANGULAR", "POLYGONAL"], VerticesOfThePolygonalShutter=corners, **edges(1, 30, 1, 80)
    )
    assert np.array_equal(both[9:70, 9:30], PLAIN[9:70, 9:30])
    assert not both[:, 30:].any()


@pytest.mark.parametrize(
    "elements",
    [
        {"ShutterShape": "RECTANGULAR"},
        {"ShutterShape": "RECTANGULAR", **edges(500, 600, 500, 600)},
        {"ShutterShape": "RECTANGULAR", **edges(0, 0, 0, 0)},
        {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": ["5"], "RadiusOfCircularShutter": "-3"},
        {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": ["1", "2", "3"]},
        {"ShutterShape": "ODD", **edges(5, 60, 10, 70)},
        edges(5, 60, 10, 70),
    ],
)
def test_a_shutter_that_makes_no_sense_is_left_out(elements: dict[str, Any]) -> None:
    assert np.array_equal(shown(**elements), PLAIN)


def overlay(mask: np.ndarray, origin: tuple[int, int] = (1, 1)) -> bytes:
    """Group 6000 (PS3.3 C.9.2) in front of the pixels."""
    rows, columns = mask.shape
    data = np.packbits(mask.ravel(), bitorder="little").tobytes()
    data += b"\0" * (len(data) % 2)
    extra = element(0x60000010, b"US", struct.pack("<H", rows)) + element(0x60000011, b"US", struct.pack("<H", columns))
    extra += element(0x60000040, b"CS", b"G") + element(0x60000050, b"SS", struct.pack("<hh", *origin))
    extra += element(0x60000100, b"US", b"\1\0") + element(0x60000102, b"US", b"\0\0")
    extra += struct.pack("<HH", 0x6000, 0x3000) + b"OW\0\0" + struct.pack("<I", len(data)) + data
    content = film(VALUES, allocated=16, stored=12, **FULL)
    at = content.index(b"\xe0\x7f\x10\x00")
    return content[:at] + extra + content[at:]


def test_marks_of_an_overlay_over_the_film_are_a_doubt_and_those_beside_it_are_none() -> None:
    mask = np.zeros((80, 64), bool)
    assert read_bytes(overlay(mask)).facts.doubts == []
    mask[1:6, 1:6] = True  # a side marker in the corner
    assert read_bytes(overlay(mask)).facts.doubts == []
    mask[30:40, 20:40] = True
    read = read_bytes(overlay(mask))
    assert [code for code, _ in read.facts.doubts] == ["burnt-in-text"]
    assert np.array_equal(read.grey, PLAIN)
    small = np.ones((9, 9), bool)
    assert read_bytes(overlay(small)).facts.doubts == []
    assert read_bytes(overlay(small, origin=(35, 30))).facts.doubts != []
    assert read_bytes(overlay(small, origin=(-500, 30))).facts.doubts == []


def in_free_bits(mask: np.ndarray, position: int, high: int = 11, bits: int = 12) -> bytes:
    """The same group without data: its plane is a bit of the pixels that the picture leaves free (PS3.5 8.1.2)."""
    rows, columns = mask.shape
    extra = element(0x60000010, b"US", struct.pack("<H", rows)) + element(0x60000011, b"US", struct.pack("<H", columns))
    extra += element(0x60000050, b"SS", struct.pack("<hh", 1, 1)) + element(0x60000100, b"US", struct.pack("<H", 16))
    extra += element(0x60000102, b"US", struct.pack("<H", position))
    words = (VALUES << high + 1 - bits) | (mask.astype(np.int64) << position)
    content = film(words, allocated=16, stored=bits, high=high, **FULL)
    at = content.index(b"\xe0\x7f\x10\x00")
    return content[:at] + extra + content[at:]


@pytest.mark.parametrize(("position", "high"), [(12, 11), (15, 11), (0, 15), (3, 15)])
def test_an_overlay_in_the_pixels_own_free_bits_is_heard_of_too(position: int, high: int) -> None:
    mask = np.zeros((80, 64), bool)
    assert read_bytes(in_free_bits(mask, position, high)).facts.doubts == []
    mask[30:40, 20:40] = True
    read = read_bytes(in_free_bits(mask, position, high))
    assert [code for code, _ in read.facts.doubts] == ["burnt-in-text"]
    assert np.array_equal(read.grey, PLAIN)


def test_a_bit_of_the_picture_itself_is_no_overlay() -> None:
    mask = np.zeros((80, 64), bool)
    for position in (11, 5, 16, 200):
        assert read_bytes(in_free_bits(mask, position)).facts.doubts == []


@pytest.mark.parametrize("bits", [2, 4, 7, 8, 9, 10, 11, 12, 13, 15, 16])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("codec", ["J2K", "JP2"])
def test_jpeg_2000_rasters_of_every_depth_and_sign(bits: int, signed: bool, codec: str) -> None:
    values = phantom(80, 64, bits=bits, signed=signed)
    kind = np.dtype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")
    content = imagecodecs.jpeg2k_encode(values.astype(kind), codecformat=codec, reversible=True, bitspersample=bits)
    read = read_bytes(bytes(content))
    wanted = (values - values.min()) / ((1 << bits) - 1) * 255
    assert np.abs(read.grey - wanted).max() <= 1
    assert read.facts.bits in (bits, 8)


def test_a_signed_codestream_under_an_unsigned_header() -> None:
    """As pydicom: the header decides what the bits mean."""
    values = phantom(80, 64, bits=12, signed=True)
    frame = imagecodecs.jpeg2k_encode(values.astype(np.int16), codecformat="J2K", reversible=True, bitspersample=12)
    words = values & 4095
    read = read_bytes(film(words, J2K, allocated=16, stored=12, frame=frame, **FULL))
    assert np.array_equal(read.grey, read_bytes(film(words, allocated=16, stored=12, **FULL)).grey)


@pytest.mark.parametrize("kind", ["j2k", "jp2", "htj2k", "webp", "dicom"])
def test_a_hole_that_its_decoder_overlooks_is_noticed(kind: str) -> None:
    import cv2

    grain = np.random.default_rng(1).normal(0, 9, (400, 300))
    grey = np.clip(phantom(400, 300) + grain, 0, 255).astype(np.uint8)
    stream = {
        "j2k": lambda: imagecodecs.jpeg2k_encode(grey, codecformat="J2K", reversible=True),
        "jp2": lambda: imagecodecs.jpeg2k_encode(grey, codecformat="JP2", reversible=True),
        "htj2k": lambda: imagecodecs.htj2k_encode(grey, reversible=True),
        "webp": lambda: cv2.imencode(".webp", grey, [cv2.IMWRITE_WEBP_QUALITY, 90])[1].tobytes(),
        "dicom": lambda: imagecodecs.jpeg2k_encode(grey, codecformat="J2K", reversible=True),
    }[kind]()
    wrapped = (lambda data: film(grey, J2K, frame=data)) if kind == "dicom" else bytes
    read_bytes(wrapped(stream))
    for share in (0.3, 0.6, 0.8):
        at = int(len(stream) * share)
        for size in (400, len(stream) - 30 - at):
            with pytest.raises(UnreadableRadiograph):
                read_bytes(wrapped(stream[:at] + bytes(size) + stream[at + size :]))


@pytest.mark.parametrize("level", [0, 4095])
def test_a_flat_film_has_no_hole(level: int) -> None:
    import cv2

    flat = np.full((1500, 1200), level, np.uint16)
    for stream in (
        imagecodecs.jpeg2k_encode(flat, codecformat="J2K", reversible=True),
        imagecodecs.jpeg2k_encode(flat, codecformat="JP2", reversible=False, level=40),
        imagecodecs.htj2k_encode(flat, reversible=True),
        cv2.imencode(".webp", (flat >> 4).astype(np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes(),
    ):
        assert np.ptp(read_bytes(bytes(stream)).grey) <= 1


def test_a_deflated_data_set_that_inflates_to_another_length_is_damaged() -> None:
    grain = np.random.default_rng(1).integers(0, 30, VALUES.shape)
    content = film(np.minimum(VALUES + grain, 4095), DEFLATED, allocated=16, stored=12)
    read_bytes(content)
    noticed = 0
    for at in range(len(content) // 3, len(content) - 300, 97):
        try:
            read_bytes(content[:at] + bytes(200) + content[at + 200 :])
        except UnreadableRadiograph:
            noticed += 1
    assert noticed >= 0.9 * len(range(len(content) // 3, len(content) - 300, 97))


def test_jpeg_frames_of_the_old_lossless_processes_are_read_by_their_own_header() -> None:
    values = phantom()
    content = with_syntax(
        film(values, JPEG_8, frame=imagecodecs.jpegls_encode(values.astype(np.uint8))), "1.2.840.10008.1.2.4.66"
    )
    assert np.array_equal(read_bytes(content).grey, values)
