"""TIFF: a damaged strip or tile is an error, one full page is the film, every kind of sample becomes the right grey."""

import struct
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from xscan.engine.errors import NotARadiograph, UnreadableRadiograph
from xscan.engine.read.decode import read_bytes

from .dicom_maker import phantom

GREY = np.clip(phantom(240, 200) + np.random.default_rng(2).normal(0, 5, (240, 200)), 0, 255).astype(np.uint8)
COMPRESSIONS = {"lzw": "tiff_lzw", "zlib": "tiff_adobe_deflate", "old zlib": "tiff_deflate", "packbits": "packbits"}


def saved(picture: np.ndarray = GREY, mode: str = "", **options: object) -> bytes:
    """A TIFF whose strips have 16 rows."""
    image, stream = Image.fromarray(picture), BytesIO()
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[278] = 16
    (image.convert(mode) if mode else image).save(stream, "TIFF", tiffinfo=info, **options)
    return stream.getvalue()


def parts(content: bytes) -> list[tuple[int, int]]:
    with Image.open(BytesIO(content)) as image:
        tags = image.tag_v2  # pyright: ignore[reportAttributeAccessIssue]
        return list(zip(tags.get(273) or tags[324], tags.get(279) or tags[325], strict=True))


def entries(content: bytes | bytearray) -> dict[int, int]:
    """Of a little-endian TIFF: where each tag of the first directory stands."""
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    places = range(at + 2, at + 2 + 12 * count, 12)
    return {struct.unpack_from("<H", content, place)[0]: place for place in places}


def tiled(compression: int) -> bytes:
    """Four tiles of 128 x 112 by hand: no writer at hand makes them."""
    tiles = []
    for top in (0, 128):
        for left in (0, 112):
            tile = np.zeros((128, 112), np.uint8)
            piece = GREY[top : top + 128, left : left + 112]
            tile[: piece.shape[0], : piece.shape[1]] = piece
            tiles.append(
                {
                    8: lambda t: imagecodecs.zlib_encode(t.tobytes()),
                    5: lambda t: imagecodecs.lzw_encode(t.tobytes()),
                    7: lambda t: imagecodecs.jpeg8_encode(t, level=98),
                    1: lambda t: t.tobytes(),
                }[compression](tile)
            )
    at = 8
    offsets = [at + sum(map(len, tiles[:number])) for number in range(4)]
    body = b"".join(tiles)
    long = struct.pack("<8I", *offsets, *map(len, tiles))
    place = 8 + len(body)
    tags = [(256, 4, 1, 200), (257, 4, 1, 240), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1)]
    tags += [(322, 4, 1, 112), (323, 4, 1, 128), (324, 4, 4, place), (325, 4, 4, place + 16)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<I", place + 32) + body + long + directory


SOUND = {
    **{name: saved(compression=value) for name, value in COMPRESSIONS.items()},
    "jpeg": saved(compression="jpeg", quality=95),
    "colour lzw": saved(np.dstack([GREY, GREY, GREY // 2]), compression="tiff_lzw"),
    "colour jpeg": saved(np.dstack([GREY, GREY, GREY // 2]), compression="jpeg", quality=95),
    "CMYK lzw": saved(mode="CMYK", compression="tiff_lzw"),
    "palette zlib": saved(mode="P", compression="tiff_adobe_deflate"),
    "16 bits zlib": saved(GREY.astype(np.uint16) * 257, compression="tiff_adobe_deflate"),
    "tiles zlib": tiled(8),
    "tiles lzw": tiled(5),
    "tiles jpeg": tiled(7),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_damaged_part_is_noticed(name: str) -> None:
    whole = SOUND[name]
    read_bytes(whole)
    places = parts(whole)
    for number in (0, len(places) // 2, len(places) - 1):
        at, count = places[number]
        middle = at + count // 3
        for broken in (
            whole[:middle] + bytes(count // 2) + whole[middle + count // 2 :],
            whole[:at] + bytes(count) + whole[at + count :],
        ):
            with pytest.raises(UnreadableRadiograph) as problem:
                read_bytes(broken)
            assert problem.value.code in ("corrupt", "truncated")


@pytest.mark.parametrize("name", ["lzw", "zlib", "jpeg", "tiles zlib"])
def test_a_missing_part_is_noticed(name: str) -> None:
    whole = bytearray(SOUND[name])
    for tag in (279, 325):
        if place := entries(whole).get(tag):
            (count, at) = struct.unpack_from("<II", whole, place + 4)
            width = struct.unpack_from("<H", whole, place + 2)[0]
            size = 2 if width == 3 else 4
            whole[at + size * (count - 1) : at + size * count] = bytes(size)
    with pytest.raises(UnreadableRadiograph):
        read_bytes(bytes(whole))


PLAIN = {
    "strips": saved(),
    "strips of 16 bits": saved(GREY.astype(np.uint16) * 257),
    "strips of 1 bit": saved((GREY > 99).astype(np.uint8) * 255, mode="1"),
    "strips in colour": saved(np.dstack([GREY, GREY, GREY // 2])),
    "strips in CMYK": saved(mode="CMYK"),
    "one strip": saved(np.ascontiguousarray(GREY[:16])),
    "a last strip of few rows": saved(np.ascontiguousarray(GREY[:50])),
    "tiles": tiled(1),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_part_without_compression_that_is_shorter_than_its_rows_is_noticed(name: str) -> None:
    whole = PLAIN[name]
    read_bytes(whole)
    tags = entries(whole)
    place = tags.get(279) or tags[325]
    kind, count, at = struct.unpack_from("<HII", whole, place + 2)
    form, size = ("<H", 2) if kind == 3 else ("<I", 4)
    at = place + 8 if count * size <= 4 else at
    for number in {0, count // 2, count - 1}:
        broken = bytearray(whole)
        (told,) = struct.unpack_from(form, whole, at + size * number)
        for fewer in (told - 1, told // 4, 0):
            struct.pack_into(form, broken, at + size * number, fewer)
            with pytest.raises(UnreadableRadiograph) as problem:
                read_bytes(bytes(broken))
            assert problem.value.code in ("corrupt", "truncated")


@pytest.mark.parametrize("compression", [1, 5, 7, 8])
def test_tiles(compression: int) -> None:
    assert np.abs(read_bytes(tiled(compression)).grey - GREY.astype(int)).max() <= (6 if compression == 7 else 0)


@pytest.mark.parametrize("compression", [2, 3, 4, 6, 34712, 34925, 50000, 50001, 50002, 65000])
def test_a_compression_that_is_not_known_is_unsupported_and_no_black_picture(compression: int) -> None:
    content = bytearray(saved())
    struct.pack_into("<H", content, entries(content)[259] + 8, compression)
    with pytest.raises(UnreadableRadiograph, match="unsupported"):
        read_bytes(bytes(content))


def pages(*pictures: np.ndarray, kinds: tuple[int, ...] = (), tag: int = 254) -> bytes:
    stream = BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(stream, new=True) as writer:
        for number, picture in enumerate(pictures):
            info = TiffImagePlugin.ImageFileDirectory_v2()
            if kinds:
                info[tag] = kinds[number]
            Image.fromarray(picture).save(writer, "TIFF", tiffinfo=info, compression="tiff_lzw")
            writer.newFrame()
    return stream.getvalue()


SMALL = np.ascontiguousarray(GREY[::6, ::6])
OTHER = np.ascontiguousarray(GREY[:200, :180])


@pytest.mark.parametrize(
    "content",
    [
        pages(SMALL, GREY, kinds=(1, 0)),
        pages(GREY, SMALL, kinds=(0, 1)),
        pages(SMALL, GREY, kinds=(2, 1), tag=255),
        pages(SMALL, GREY),  # by its shape
        pages(GREY, np.ascontiguousarray(GREY[::2, ::2]), SMALL),  # a pyramid
        pages(GREY, GREY // 200 * 255, kinds=(0, 4)),  # a mask
        pages(OTHER, GREY, kinds=(1, 0)),
    ],
)
def test_the_one_full_page_is_the_film(content: bytes) -> None:
    assert np.array_equal(read_bytes(content).grey, GREY)


@pytest.mark.parametrize(
    "content",
    [
        pages(GREY, OTHER),
        pages(OTHER, GREY),
        pages(GREY, GREY),
        pages(GREY, OTHER, kinds=(2, 2)),
        pages(SMALL, GREY, OTHER, kinds=(1, 0, 0)),
        pages(GREY, np.ascontiguousarray(GREY.T)),
    ],
)
def test_two_films_are_several_frames(content: bytes) -> None:
    with pytest.raises(NotARadiograph, match="multi-frame"):
        read_bytes(content)


def test_a_directory_that_leads_back_to_itself_ends() -> None:
    content = bytearray(saved())
    (at,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    struct.pack_into("<I", content, at + 2 + 12 * count, at)
    assert np.array_equal(read_bytes(bytes(content)).grey, GREY)


def test_a_palette_of_8_bit_colours_in_16_bit_entries() -> None:
    content = bytearray(saved(mode="P"))
    place = entries(content)[320]
    (at,) = struct.unpack_from("<I", content, place + 8)
    ramp = np.tile(np.arange(256)[::-1], 3).astype("<u2")
    content[at : at + 1536] = ramp.tobytes()
    index = np.asarray(Image.open(BytesIO(saved(mode="P"))))
    assert np.array_equal(read_bytes(bytes(content)).grey, 255 - index)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_alpha_is_multiplied_once(kind: int) -> None:
    """TIFF 6.0 section 18: ExtraSamples 1 is multiplied in already, 2 is not."""
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:40] = 128
    content = bytearray(saved(np.dstack([GREY, GREY, GREY, alpha])))
    struct.pack_into("<H", content, entries(content)[338] + 8, kind)
    wanted = GREY if kind == 1 else (GREY * (alpha / 255)).astype(np.uint8)
    assert np.abs(read_bytes(bytes(content)).grey - wanted.astype(int)).max() <= 1
