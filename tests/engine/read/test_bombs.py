"""Few bytes that ask for much memory: refused by their headers, before a decoder sees them."""

import struct
import sys
import zlib

import numpy as np
import pytest

from tests.engine.read import dicom_maker as make
from xscan.engine.errors import FileProblem
from xscan.engine.read import codecs, raster
from xscan.engine.read.decode import read_bytes
from xscan.engine.read.dicom import pixels


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a decoder was called")

    for module in (codecs, raster, pixels):
        monkeypatch.setattr(module, "imagecodecs", refuse)
    monkeypatch.setattr(raster.cv2, "imdecode", refuse)


def code_of(content: bytes) -> str:
    with pytest.raises(FileProblem) as caught:
        read_bytes(content)
    return caught.value.code


# ---- JPEG 2000


def codestream(
    side: int,
    tile: int = 0,
    precincts: bytes = b"",
    blocks: int = 4,
    levels: int = 0,
    layers: int = 1,
    in_tile: bool = False,
    coc: bool = False,
) -> bytes:
    """An empty picture: every tile holds one byte of packets. blocks: exponent of the code-blocks' side, less two."""
    tile = tile or side

    def segment(marker: int, body: bytes) -> bytes:
        return struct.pack(">HH", marker, len(body) + 2) + body

    siz = segment(0xFF51, struct.pack(">HIIIIIIIIH", 0, side, side, 0, 0, tile, tile, 0, 0, 1) + b"\7\1\1")
    style = bytes([levels, blocks, blocks, 0, 1])
    cod = segment(0xFF52, bytes([bool(precincts), 0]) + struct.pack(">H", layers) + b"\0" + style + precincts)
    plain = segment(0xFF52, b"\0\0\0\1\0" + bytes([levels, 4, 4, 0, 1]))
    if coc:
        cod = plain + segment(0xFF53, bytes([0, bool(precincts)]) + style + precincts)
    qcd = segment(0xFF5C, bytes([0x40] + [8 << 3] * (3 * levels + 1)))
    inside = cod if in_tile else b""
    head = b"\xff\x4f" + siz + (plain if in_tile else cod) + qcd
    tiles = b"".join(
        struct.pack(">HHHIBB", 0xFF90, 10, number, 15 + len(inside), 0, 1) + inside + b"\xff\x93\0"
        for number in range((-(-side // tile)) ** 2)
    )
    return head + tiles + b"\xff\xd9"


@pytest.mark.usefixtures("no_decoder")
@pytest.mark.parametrize(
    "options",
    [
        {"side": 2000, "precincts": b"\0"},
        {"side": 9990, "precincts": b"\x22"},
        {"side": 2000, "precincts": b"\0", "in_tile": True},
        {"side": 2000, "precincts": b"\0", "coc": True},
        {"side": 2000, "precincts": b"\0", "coc": True, "in_tile": True},
        {"side": 9990, "blocks": 0},
        {"side": 9990, "tile": 40, "levels": 5},
        {"side": 5000, "precincts": b"\x55", "layers": 65_535},
    ],
    ids=str,
)
def test_jpeg_2000_in_too_many_parts(options: dict) -> None:
    content = codestream(**options)
    assert code_of(content) == "bad-header"
    # The same stream inside a DICOM file.
    side = options["side"]
    film = make.film(syntax=make.J2K, frame=content, Rows=side, Columns=side)
    assert code_of(film) == "bad-header"


@pytest.mark.parametrize(
    "options",
    [
        {"side": 2000, "precincts": b"\x77"},
        {"side": 2000, "tile": 128, "levels": 5},
        {"side": 2000, "blocks": 0},  # of 4 x 4
        {"side": 2000, "levels": 5, "precincts": b"\x77" * 6, "layers": 20},
    ],
    ids=str,
)
def test_jpeg_2000_in_the_parts_of_honest_films_is_read(options: dict) -> None:
    assert read_bytes(codestream(**options)).grey.shape == (2000, 2000)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def jp2(channels: int) -> bytes:
    grey = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) % 2
    stream = codecs.imagecodecs().jpeg2k_encode(grey, codecformat="J2K", reversible=True)
    header = box(b"ihdr", struct.pack(">IIHBBBB", 64, 64, 1, 7, 7, 0, 0))
    header += box(b"pclr", struct.pack(">HB", 2, channels) + b"\7" * channels + bytes(channels) + b"\xf0" * channels)
    header += box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, i) for i in range(channels)))
    header += box(b"colr", struct.pack(">BBBI", 1, 0, 0, 16))
    signature = struct.pack(">I4sI", 12, b"jP  ", 0x0D0A870A) + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return signature + box(b"jp2h", header) + box(b"jp2c", stream)


def test_a_palette_of_a_jp2_makes_three_channels_and_no_more() -> None:
    film = read_bytes(jp2(3)).grey
    assert sorted(np.unique(film)) == [0, 0xF0]
    assert code_of(jp2(40)) == "unsupported"
    assert code_of(jp2(255)) == "unsupported"


# ---- TIFF


def tiff(entries: list[tuple[int, int, int, int]], data: bytes = b"", order: str = "<") -> bytes:
    """entries: tag, type, count, value or offset (0: the data's)."""
    start = 8 + 2 + 12 * len(entries) + 4
    body = b""
    for tag, kind, count, value in entries:
        small = kind == 3 and count == 1
        body += struct.pack(order + ("HHIHH" if small else "HHII"), tag, kind, count, value or start, *([0] * small))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(entries)) + body + bytes(4) + data


def sized(*sizes: int, samples: int = 1, bits: int = 8) -> bytes:
    """A TIFF that states its size once for each of `sizes`."""
    strip = zlib.compress(bytes(64 * 64 * bits // 8))
    entries = [(tag, 4, 1, side) for side in sizes for tag in (256, 257)]
    entries += [(258, 3, 1, bits), (259, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 0), (277, 3, 1, samples)]
    return tiff([*entries, (278, 4, 1, sizes[0]), (279, 4, 1, len(strip))], strip)


def test_of_doubled_tags_the_first_counts_as_in_libtiff() -> None:
    for bits in (8, 16):
        assert read_bytes(sized(64, 30_000, bits=bits)).grey.shape == (64, 64)


@pytest.mark.usefixtures("no_decoder")
def test_a_size_that_libtiff_would_take_is_the_one_that_is_checked() -> None:
    for bits in (8, 16):
        assert code_of(sized(30_000, 64, bits=bits)) == "too-many-pixels"
    assert code_of(sized(64, samples=255, bits=16)) == "unsupported"


def shared_array(entries: int, values: int = 100_000) -> bytes:
    """A directory whose entries all point at the same values."""
    tags = [(256, 3, 1, 64), (257, 3, 1, 64)] + [(30_000 + i, 3, values, 0) for i in range(entries)]
    return tiff(tags, bytes(2 * values))


@pytest.mark.usefixtures("no_decoder")
def test_tags_that_share_one_array_are_refused() -> None:
    assert code_of(shared_array(1000)) == "bad-header"


def test_tags_that_share_one_array_take_no_memory_in_exif() -> None:
    import tracemalloc

    from xscan.engine.read.raster_headers import exif_orientation

    exif = shared_array(1000)
    tracemalloc.start()
    assert exif_orientation(exif) == 1
    assert tracemalloc.get_traced_memory()[1] < 200_000
    tracemalloc.stop()


def test_offsets_of_strips_are_looked_at_without_a_copy() -> None:
    import tracemalloc

    strips = np.full(1_000_000, 8, "<u4").tobytes()
    content = tiff(
        [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (273, 4, 1_000_000, 0), (279, 3, 1, 4096)], strips
    )
    tracemalloc.start()
    read_bytes(content)  # looks at them all; libtiff takes the first
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


# ---- RLE


def rle(planes: list[int], allocated: int, side: int = 64) -> bytes:
    """A film in RLE whose byte planes unpack to so many bytes each."""
    segments = [b"\x81\x07" * (size // 128) for size in planes]
    offsets = [64 + sum(map(len, segments[:i])) for i in range(len(segments))]
    header = struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments)))
    return make.film(syntax=make.RLE, frame=header + b"".join(segments), allocated=allocated, Rows=side, Columns=side)


def test_rle_unpacks_into_a_buffer_of_the_pictures_size() -> None:
    assert read_bytes(rle([4096], 8)).grey.shape == (64, 64)
    assert read_bytes(rle([4096, 4096], 16)).grey.shape == (64, 64)
    assert read_bytes(rle([4096 + 128], 8)).grey.shape == (64, 64)  # a last packet over the end
    assert code_of(rle([4096 - 128], 8)) == "truncated"
    before = _peak()
    assert code_of(rle([200_000_000], 8)) == "corrupt"
    assert _peak() - before < 100


def _peak() -> int:
    """MB that this process has had at most; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
