"""The pages of a TIFF file and where their parts lie (TIFF 6.0 section 2; BigTIFF), without decoding anything."""

import struct
from dataclasses import dataclass

import numpy as np

from ..errors import NotARadiograph, UnreadableRadiograph

#: Compressions whose damage a decoder here reports (tiff.h). Others would come out black, or unchecked.
NONE, LZW, JPEG, ZLIB, OLD_ZLIB, PACKBITS = 1, 5, 7, 8, 32946, 32773
COMPRESSIONS = {NONE, LZW, JPEG, ZLIB, OLD_ZLIB, PACKBITS}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8


@dataclass(slots=True)
class TiffPage:
    rows: int
    columns: int
    bits: int  #: of one sample
    samples: int
    photometric: int  #: tag 262
    compression: int  #: tag 259
    orientation: int  #: tag 274
    planar: bool  #: tag 284: each sample in a plane of its own
    alpha: int  #: tag 338: 0 none or unknown, 1 already multiplied in, 2 not
    has_alpha: bool
    subsampled: bool  #: tag 530: of YCbCr
    tile: tuple[int, int] | None  #: rows and columns; None: strips
    part_rows: int  #: of a strip or tile
    offsets: np.ndarray  #: of the strips or tiles
    counts: np.ndarray  #: their bytes
    tables: bytes  #: tag 347: what all JPEG strips share
    colours: np.ndarray  #: tag 320: red, green, blue of a palette, one after the other
    photometric_at: int  #: where the file holds that value
    reduced: bool  #: a small copy or a mask, by its own word (tags 254 and 255)


def tiff_page(data: bytes) -> tuple[TiffPage, bytes]:
    """The only full picture of the file, and the file with that page first. Every strip or tile must lie inside it.

    Raise NotARadiograph `multi-frame` for several pictures. A page that calls itself reduced, or that has the shape of
    a larger one at half the size or less, is none of them (TIFF 6.0 section 8).
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    at, pages = first_directory(data, order, big), {}
    while at and at not in pages:
        if len(pages) >= _MOST_PAGES:
            raise NotARadiograph("multi-frame", "a TIFF of very many pages")
        tags, following = directory(data, order, big, at)
        try:
            pages[at] = _page(data, tags)
        except UnreadableRadiograph:
            if not pages or not _is_reduced(tags):
                raise
        at = following
    whole = {place: page for place, page in pages.items() if not page.reduced} or pages
    largest = max(whole.values(), key=lambda page: page.rows * page.columns)
    films = [place for place, page in whole.items() if page is largest or not _is_copy(page, largest)]
    if len(films) > 1:
        raise NotARadiograph("multi-frame", "a TIFF of several pages")
    page = pages[films[0]]
    _require_whole(data, page)
    if films[0] != next(iter(pages)):
        place, number = (8, "Q") if big else (4, "I")
        data = data[:place] + struct.pack(order + number, films[0]) + data[place + struct.calcsize(number) :]
    return page, data


def _is_copy(page: TiffPage, larger: TiffPage) -> bool:
    """Whether a page has the shape of a larger one, at half its size or less."""
    rows, columns = larger.rows / page.rows, larger.columns / page.columns
    return min(rows, columns) >= 2 and abs(rows - columns) <= 0.04 * rows + 1.0 * rows / min(page.rows, page.columns)


def _is_reduced(tags: dict[int, np.ndarray]) -> bool:
    return bool(first(tags, 254, 0) & 5) or first(tags, 255, 1) == 2


def _page(data: bytes, tags: dict[int, np.ndarray]) -> TiffPage:
    columns, rows = first(tags, 256, 0), first(tags, 257, 0)
    if not rows or not columns:
        raise UnreadableRadiograph("bad-header", "the TIFF does not state its size")
    bits, samples = max(map(int, tags.get(258, [])), default=1), first(tags, 277, 1)
    if bits > 16 or first(tags, 339, 1) not in (1, 4) or not 1 <= samples <= _SAMPLES:
        raise UnreadableRadiograph(
            "unsupported", f"a TIFF of signed, 32-bit or floating-point values, or of over {_SAMPLES} samples a pixel"
        )
    tile = (first(tags, 323, 0), first(tags, 322, 0))
    if tile[0] * tile[1] > max(4 * rows * columns, _LARGE_TILE):  # the decoder takes memory for a whole one
        raise UnreadableRadiograph("bad-header", "the TIFF's tiles are far larger than its picture")
    strip = min(first(tags, 278, rows), rows) or rows
    photometric_at = _place(data, tags.get(262))
    return TiffPage(
        rows=rows,
        columns=columns,
        bits=bits,
        samples=samples,
        photometric=first(tags, 262, BLACK_IS_ZERO),
        compression=first(tags, 259, NONE),
        orientation=first(tags, 274, 1),
        planar=first(tags, 284, 1) == 2,
        alpha=first(tags, 338, 0),
        has_alpha=338 in tags,
        subsampled=[int(number) for number in tags.get(530, (2, 2))] != [1, 1],
        tile=tile if all(tile) else None,
        part_rows=tile[0] if all(tile) else strip,
        offsets=_either(tags, 273, 324),
        counts=_either(tags, 279, 325),
        tables=tags[347].tobytes() if 347 in tags else b"",
        colours=tags.get(320, np.empty(0, np.uint16)),
        photometric_at=photometric_at,
        reduced=_is_reduced(tags),
    )


def _require_whole(data: bytes, page: TiffPage) -> None:
    both = min(len(page.offsets), len(page.counts))
    # float64 holds every offset that a file can have, and cannot overflow
    if both and (page.offsets[:both].astype(np.float64) + page.counts[:both]).max() > len(data):
        raise UnreadableRadiograph("truncated", f"the TIFF is not complete after {(len(data) + 1023) // 1024} KB")


def _place(data: bytes, view: np.ndarray | None) -> int:
    """Where in `data` a tag's values lie, of which `view` is a view."""
    if view is None or not len(view):
        return 0
    whole = np.frombuffer(data, np.uint8)
    return view.__array_interface__["data"][0] - whole.__array_interface__["data"][0]


def first_directory(data: bytes, order: str, big: bool) -> int:
    try:
        return struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    except struct.error:
        raise UnreadableRadiograph("truncated", "the TIFF ends inside its header") from None


_LARGE_TILE = 1 << 24  #: pixels
_MOST_PAGES = 1000
_SAMPLES = 5  #: CMYK and alpha
_TIFF_TYPES = {1: "u1", 3: "u2", 4: "u4", 6: "i1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8", 7: "u1"}
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_PLACES = {273, 279, 324, 325}  #: offsets and byte counts of strips and tiles: as many as the file likes
_NEEDED = {254, 255, 256, 257, 258, 259, 262, 274, 277, 278, 284, 320, 322, 323, 338, 339, 347, 530} | _PLACES
_MANY = {320: 3 << 16, 347: 1 << 16}  #: values that are read of these
_FEW = 16  #: values that are read of any other tag


def directory(data: bytes, order: str, big: bool, at: int) -> tuple[dict[int, np.ndarray], int]:
    """One directory's integer tags that are needed here, and where the next one is.

    Of a tag that stands there twice the first counts, as in libtiff. Values are views of `data`: however many entries
    share one long array, they take no memory.
    """
    entry, number = (20, "Q") if big else (12, "I")
    try:
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
        at += 8 if big else 2
        if count > 4096:
            raise UnreadableRadiograph("bad-header", "the TIFF's directory is damaged")
        tags: dict[int, np.ndarray] = {}
        told = 0
        for _ in range(count):
            tag, kind, values = struct.unpack_from(order + "HH" + number, data, at)
            told += _TIFF_SIZES.get(kind, 0) * values
            if tag in _NEEDED and tag not in tags:
                place = at + (12 if big else 8)
                form = np.dtype(order + _TIFF_TYPES.get(kind, "u1"))
                if form.itemsize * values > (8 if big else 4):
                    (place,) = struct.unpack_from(order + number, data, place)
                taken = (
                    0 if kind not in _TIFF_TYPES else values if tag in _PLACES else min(values, _MANY.get(tag, _FEW))
                )
                if place + form.itemsize * taken > len(data):
                    raise UnreadableRadiograph("truncated", "the TIFF ends before its directory")
                tags[tag] = np.frombuffer(data, form, taken, place) if taken else np.empty(0, form)
            at += entry
        if told > len(data) + entry * count:  # they share one array; libtiff would copy it for each of them
            raise UnreadableRadiograph("bad-header", "the TIFF's directory tells of more than the file holds")
        (following,) = struct.unpack_from(order + number, data, at)
    except struct.error:
        raise UnreadableRadiograph("truncated", "the TIFF ends before its directory") from None
    return tags, following


def first(tags: dict[int, np.ndarray], tag: int, default: int) -> int:
    values = tags.get(tag)
    return int(values[0]) if values is not None and len(values) else default


def _either(tags: dict[int, np.ndarray], strips: int, tiles: int) -> np.ndarray:
    values = tags.get(strips)
    return values if values is not None and len(values) else tags.get(tiles, np.empty(0, np.uint32))
