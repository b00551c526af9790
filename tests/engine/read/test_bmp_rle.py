"""Run-length encoded BMPs: whole ones are read, and no hole is scored as black rows."""

import struct

import numpy as np
import pytest
from PIL import Image

from xscan.engine.errors import UnreadableRadiograph
from xscan.engine.read.decode import read_bytes

from .dicom_maker import phantom

GREY = phantom(120, 101).astype(np.uint8)


def runs(picture: np.ndarray, bits: int) -> bytearray:
    """Rows from the bottom up: runs of one value, and every third stretch of eight pixels as it is."""
    data = bytearray()
    for row in picture[::-1]:
        at = 0
        while at < len(row):
            part = row[at : at + 8]
            if at // 8 % 3 == 0 and len(part) > 2:
                packed = part if bits == 8 else [a << 4 | b for a, b in zip(part[::2], [*part[1::2], 0], strict=False)]
                data += bytes((0, len(part), *packed)) + b"\0" * (len(packed) % 2)
                at += len(part)
                continue
            length = next((n for n in range(1, 9) if at + n >= len(row) or row[at + n] != row[at]), 8)
            data += bytes((length, int(row[at]) * (17 if bits == 4 else 1)))
            at += length
        data += b"\0\0"
    return data


def bmp(data: bytes, bits: int, rows: int, columns: int) -> bytes:
    levels = 1 << bits
    palette = b"".join(bytes((i * 255 // (levels - 1),) * 3 + (0,)) for i in range(levels))
    start = 54 + len(palette)
    head = struct.pack("<IHHI", start + len(data), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, columns, rows, 1, bits, {8: 1, 4: 2}[bits], len(data), 0, 0, levels, levels)
    return b"BM" + head + info + palette + data


def picture(bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices, and the grey that they mean."""
    indices = GREY if bits == 8 else GREY >> 4
    return indices, indices if bits == 8 else indices * 17


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("end", [b"\0\1", b"\0\0\0\1"])
def test_a_whole_one_is_read(bits: int, end: bytes) -> None:
    indices, grey = picture(bits)
    content = bmp(bytes(runs(indices, bits)[:-2] + end), bits, *indices.shape)
    assert np.array_equal(read_bytes(content).grey, grey)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda data: data[: data.index(b"\0\0", len(data) // 2) + 2] + b"\0\1", "truncated"),
        (lambda data: data[:400] + bytes(600) + data[1000:], "corrupt"),
        (lambda data: data[:-2] + b"\0\2\1\1\0\1", "unsupported"),
        (lambda data: bytes((255, 7)) + data, "corrupt"),
        (lambda data: data[2:], "corrupt"),
    ],
)
def test_a_hole_is_no_black_picture(bits: int, damage: object, code: str) -> None:
    indices, _ = picture(bits)
    whole = bytes(runs(indices, bits)[:-2]) + b"\0\1"
    with pytest.raises(UnreadableRadiograph) as caught:
        read_bytes(bmp(damage(whole), bits, *indices.shape))  # type: ignore[operator]
    assert caught.value.code in (code, "corrupt")


def test_a_compression_that_is_not_read_is_named() -> None:
    content = bytearray(bmp(b"\0\1", 8, 100, 100))
    content[30:34] = struct.pack("<I", 4)  # JPEG inside
    with pytest.raises(UnreadableRadiograph) as caught:
        read_bytes(bytes(content))
    assert caught.value.code == "unsupported"


def test_pillow_agrees_that_the_maker_makes_bmps() -> None:
    from io import BytesIO

    indices, grey = picture(8)
    content = bmp(bytes(runs(indices, 8)[:-2] + b"\0\1"), 8, *indices.shape)
    assert np.array_equal(np.asarray(Image.open(BytesIO(content)).convert("L")), grey)
