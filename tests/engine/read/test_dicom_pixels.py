"""Transfer syntax x photometric interpretation x bit depth x sign: each film decodes to the right picture."""

from typing import Any

import imagecodecs
import numpy as np
import pytest

from xscan.engine.errors import UnreadableRadiograph
from xscan.engine.read.decode import read_bytes

from .dicom_maker import (
    BIG,
    EXPLICIT,
    HTJ2K,
    HTJ2K_LOSSY,
    IMPLICIT,
    J2K,
    J2K_LOSSY,
    JPEG_8,
    JPEG_12,
    LOSSLESS_SV1,
    LOSSLESS_SYNTAXES,
    LOSSY_SYNTAXES,
    LS,
    LS_NEAR,
    RLE,
    encode,
    film,
    phantom,
)


def window_for(bits: int, signed: bool) -> dict[str, Any]:
    """A LINEAR_EXACT window over the whole range of stored values."""
    span = (1 << bits) - 1
    low = -(1 << (bits - 1)) if signed else 0
    return {"WindowCenter": str(low + span / 2), "WindowWidth": str(span), "VOILUTFunction": "LINEAR_EXACT"}


def expected(values: np.ndarray, bits: int, signed: bool, inverted: bool) -> np.ndarray:
    low = -(1 << (bits - 1)) if signed else 0
    shown = (values - low) / ((1 << bits) - 1)
    return np.rint(255 * (1 - shown if inverted else shown)).astype(np.uint8)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("allocated", "bits", "signed"),
    [(8, 8, False), (16, 10, False), (16, 12, False), (16, 16, False), (16, 12, True), (16, 16, True)],
)
@pytest.mark.parametrize("syntax", LOSSLESS_SYNTAXES)
def test_lossless_films_are_exact(syntax: str, allocated: int, bits: int, signed: bool, photometric: str) -> None:
    values = phantom(bits=bits, signed=signed)
    content = film(
        values,
        syntax,
        photometric=photometric,
        allocated=allocated,
        stored=bits,
        signed=signed,
        **window_for(bits, signed),
    )
    read = read_bytes(content)
    wanted = expected(values, bits, signed, photometric == "MONOCHROME1")
    assert np.array_equal(read.grey, wanted)
    assert read.facts.transfer_syntax == syntax
    assert (read.facts.rows, read.facts.columns, read.facts.bits) == (*values.shape, bits)


#: Largest difference in the 8-bit picture that each lossy syntax may make of the phantom.
ALLOWED = {JPEG_8: 3, JPEG_12: 2, LS_NEAR: 2, J2K_LOSSY: 2, HTJ2K_LOSSY: 2}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("syntax", LOSSY_SYNTAXES)
def test_lossy_films_are_near(syntax: str, photometric: str) -> None:
    bits = 12 if syntax == JPEG_12 else 8
    values = phantom(bits=bits)
    content = film(
        values,
        syntax,
        photometric=photometric,
        allocated=8 if bits == 8 else 16,
        stored=bits,
        **window_for(bits, False),
    )
    wanted = expected(values, bits, False, photometric == "MONOCHROME1").astype(int)
    assert np.abs(read_bytes(content).grey - wanted).max() <= ALLOWED[syntax]


def colour_phantom() -> np.ndarray:
    plane = phantom()
    return np.stack([plane, plane[::-1], 255 - plane], axis=-1)


def luma(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, RLE, LS, J2K, HTJ2K, LOSSLESS_SV1, JPEG_8])
def test_colour_becomes_its_luma(syntax: str, planar: int) -> None:
    if planar and syntax not in (IMPLICIT, EXPLICIT, BIG):
        pytest.skip("a compressed stream knows its own layout")
    rgb = colour_phantom()
    read = read_bytes(film(rgb, syntax, photometric="RGB", PlanarConfiguration=planar))
    # JPEG: also quantisation. The others: rounding to whole grey levels.
    assert np.abs(read.grey - luma(rgb)).max() <= (8 if syntax == JPEG_8 else 1)


def test_ybr_full_is_its_first_plane() -> None:
    ybr = colour_phantom()
    for planar in (0, 1):
        read = read_bytes(film(ybr, photometric="YBR_FULL", PlanarConfiguration=planar))
        assert np.array_equal(read.grey, ybr[..., 0])
    assert np.array_equal(read_bytes(film(ybr, RLE, photometric="YBR_FULL")).grey, ybr[..., 0])


def test_ybr_full_in_jpeg_2000_without_its_own_transform_is_its_first_plane() -> None:
    """PS3.5 8.2.4."""
    ybr = colour_phantom()
    frame = imagecodecs.jpeg2k_encode(ybr.astype(np.uint8), codecformat="J2K", reversible=True, mct=False)
    read = read_bytes(film(ybr, J2K, photometric="YBR_FULL", frame=frame))
    assert np.array_equal(read.grey, ybr[..., 0])


def test_ybr_full_422_keeps_every_luma_sample() -> None:
    y = phantom()
    groups = np.full((y.shape[0], y.shape[1] // 2, 4), 128)
    groups[..., 0], groups[..., 1] = y[:, 0::2], y[:, 1::2]
    content = film(np.zeros((*y.shape, 3), np.int64), photometric="YBR_FULL_422")
    raw = groups.astype(np.uint8).tobytes()
    head = content[: len(content) - y.size * 3 - 4]
    read = read_bytes(head + len(raw).to_bytes(4, "little") + raw)
    assert np.array_equal(read.grey, y)


@pytest.mark.parametrize("bits", [8, 16])
def test_palette_colour(bits: int) -> None:
    index = phantom(bits=8)
    table = np.arange(256)[::-1]
    entries = (table.astype(np.uint8) if bits == 8 else (table * 257).astype("<u2")).tobytes()
    palettes: dict[str, Any] = {f"{name}PaletteColorLookupTableData": entries for name in ("Red", "Green", "Blue")}
    palettes |= {f"{name}PaletteColorLookupTableDescriptor": [256, 0, bits] for name in ("Red", "Green", "Blue")}
    read = read_bytes(film(index, photometric="PALETTE COLOR", **palettes))
    assert np.array_equal(read.grey, 255 - index)


def test_bits_beyond_the_stored_ones_do_not_count() -> None:
    values = phantom(bits=12)
    overlay = np.random.default_rng(1).integers(0, 16, values.shape) << 12
    content = film(values | overlay, allocated=16, stored=12, **window_for(12, False))
    assert np.array_equal(read_bytes(content).grey, expected(values, 12, False, False))


def test_a_high_bit_above_the_stored_bits_shifts() -> None:
    values = phantom(bits=12)
    content = film(values << 4, allocated=16, stored=12, high=15, **window_for(12, False))
    assert np.array_equal(read_bytes(content).grey, expected(values, 12, False, False))


def test_an_overshoot_of_a_lossy_stream_is_clipped() -> None:
    values = np.clip(phantom(bits=12) + 40, 0, 4200)
    frame = imagecodecs.jpegls_encode(values.astype(np.uint16))
    content = film(values, LS, allocated=16, stored=12, frame=frame, **window_for(12, False))
    assert np.array_equal(read_bytes(content).grey, expected(np.minimum(values, 4095), 12, False, False))


def test_an_overshoot_of_an_8_bit_jpeg_is_clipped() -> None:
    values = np.where(np.arange(64) % 3, 127, 0) * np.ones((64, 1), np.int64)
    content = film(values, JPEG_8, stored=7, frame=imagecodecs.jpeg8_encode(values.astype(np.uint8), level=40))
    assert read_bytes(content).grey[values == 127].min() > 120


def test_a_data_set_without_preamble_or_meta_information() -> None:
    for syntax in (IMPLICIT, EXPLICIT, BIG):
        content = film(syntax=syntax)
        meta_length = int.from_bytes(content[140:144], "little")
        bare = content[144 + meta_length :]
        assert np.array_equal(read_bytes(bare).grey, phantom())


def test_a_transfer_syntax_that_lies_is_seen_through() -> None:
    values = phantom()
    explicit = film(values, EXPLICIT)
    lying = explicit.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")
    assert np.array_equal(read_bytes(lying).grey, values)
    jpeg = film(values, LS).replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.70")
    assert np.array_equal(read_bytes(jpeg).grey, values)


def test_fragments_of_one_frame_are_joined() -> None:
    values = phantom()
    stream = encode(J2K, values, 8, False)
    stream += b"\0" * (len(stream) % 2)
    whole = film(values, J2K, frame=stream)
    at = whole.index(stream) - 8
    cut = len(stream) // 4 * 2
    pieces = b"".join(
        b"\xfe\xff\x00\xe0" + len(piece).to_bytes(4, "little") + piece for piece in (stream[:cut], stream[cut:])
    )
    split = whole[:at] + pieces + whole[at + 8 + len(stream) :]
    assert np.array_equal(read_bytes(split).grey, values)
    shreds = whole[:at] + b"\xfe\xff\x00\xe0\0\0\0\0" * 200_002 + whole[at:]  # 3 million took 0.9 GB and 15 s
    with pytest.raises(UnreadableRadiograph, match="far too many pieces"):
        read_bytes(shreds)


@pytest.mark.parametrize("syntax", [*LOSSLESS_SYNTAXES, *LOSSY_SYNTAXES])
def test_a_truncated_film_is_never_half_a_picture(syntax: str) -> None:
    allocated = 16 if syntax == JPEG_12 else 8
    content = film(phantom(200, 160, bits=12 if allocated == 16 else 8), syntax, allocated=allocated)
    for share in (0.5, 0.9, 0.99):
        with pytest.raises(UnreadableRadiograph) as problem:
            read_bytes(content[: int(len(content) * share)])
        assert problem.value.code in ("truncated", "corrupt")


@pytest.mark.parametrize("syntax", [JPEG_8, LOSSLESS_SV1, LS, J2K, HTJ2K, RLE])
def test_a_truncated_stream_in_a_whole_file_is_noticed(syntax: str) -> None:
    values = phantom(200, 160)
    whole = film(values, syntax)
    start = whole.index(b"\xfe\xff\x00\xe0", whole.index(b"\xe0\x7f\x10\x00") + 20)
    length = int.from_bytes(whole[start + 4 : start + 8], "little")
    frame = whole[start + 8 : start + 8 + length // 2 // 2 * 2]
    with pytest.raises(UnreadableRadiograph, match=r"corrupt|truncated" if syntax == RLE else "truncated"):
        read_bytes(film(values, syntax, frame=frame))


def test_a_stream_of_another_size_than_the_header_is_refused() -> None:
    for syntax in (JPEG_8, LS, J2K, HTJ2K, RLE):
        other = film(phantom(50, 60), syntax)
        frame = other[other.index(b"\xfe\xff\x00\xe0", other.index(b"\xe0\x7f\x10\x00") + 20) + 8 : -8]
        with pytest.raises(UnreadableRadiograph, match=r"bad-header|truncated"):
            read_bytes(film(phantom(90, 80), syntax, frame=frame))
