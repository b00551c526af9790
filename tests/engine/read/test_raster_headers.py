"""Rasters whose header is damaged, or of a kind that is not read: told by the header, before anything is decoded."""

import struct

import numpy as np
import pytest

from xscan.engine.errors import FileProblem
from xscan.engine.read.decode import read_bytes


def png(columns: int = 40, rows: int = 40, bits: int = 8, colour: int = 0, after: bytes = b"") -> bytes:
    fields = struct.pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 13, b"IHDR") + fields + bytes(4) + after


def bmp(columns: int = 40, rows: int = 40, bits: int = 8, compression: int = 0, size: int = 40) -> bytes:
    head = struct.pack("<2sIIIIiiHHI", b"BM", 0, 0, 1078, size, columns, rows, 1, bits, compression)
    return head + bytes(1078 - len(head) + 40 * 40)


def webp(kind: bytes, body: bytes = bytes(80)) -> bytes:
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (png()[:30], "truncated"),
        (png(colour=7), "bad-header"),
        (png(columns=0), "bad-header"),
        (png(after=struct.pack(">I4sIII", 8, b"acTL", 3, 0, 0)), "multi-frame"),
        (png(), "truncated"),  # no end
        (bmp()[:50], "truncated"),
        (bmp(size=12), "unsupported"),
        (bmp(bits=7), "bad-header"),
        (bmp(columns=-40), "bad-header"),
        (bmp(rows=400), "truncated"),
        (bmp(bits=4, compression=1), "bad-header"),
        (bmp(compression=4), "unsupported"),
        (webp(b"VP8 ")[:28], "truncated"),
        (webp(b"VP8 ")[:-9], "truncated"),
        (webp(b"VP9 "), "corrupt"),
        (webp(b"VP8X", b"\x02" + bytes(79)), "multi-frame"),
        (webp(b"VP8X", b"\0\0\0\0" + b"\xff\1\0\xff\1\0" + bytes(100)), "corrupt"),  # a hole where the picture was
    ],
)
def test_a_header_s_trouble_has_its_code(content: bytes, code: str) -> None:
    with pytest.raises(FileProblem) as problem:
        read_bytes(content)
    assert problem.value.code == code


def test_a_bmp_of_that_header_is_read() -> None:
    assert np.array_equal(read_bytes(bmp()).grey, np.zeros((40, 40), np.uint8))
