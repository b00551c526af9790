"""Pictures of an earlier page of the same list, so that a night with few new films reads only those."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

from ..lists.table import Row
from .page import CELLS, CHUNK
from .thumbnails import Picture, checked

_ROWS = '<script type="application/json" id="rows">'
_BLOCK = re.compile(r'<script type="text/plain" id="pictures(\d{1,9})">\n', re.ASCII)
_LARGE = re.compile(r'<script type="text/plain" id="large(\d{1,9})">([A-Za-z0-9+/=]+)</script>\n', re.ASCII)
_END = "</script>"


def pictures_of(page: Path) -> Iterator[tuple[Row, Picture]]:
    """The scored films of a page that `write_page` made, and their pictures; nothing of any other file.

    The page is read line by line, twice side by side: rows stand at its top, pictures below, in the same order.
    """
    try:
        with page.open(encoding="utf-8") as rows, page.open(encoding="utf-8") as pictures:
            yield from _pictures(_rows(rows), pictures)
    except (OSError, ValueError, TypeError, StopIteration):
        return  # a page of another version, or cut off: its films are read again


def has_pictures(page: Path) -> bool:
    """Whether a page that `write_page` made shows any film."""
    return any(True for _ in pictures_of(page))


def _pictures(rows: Iterator[Row], page: Iterator[str]) -> Iterator[tuple[Row, Picture]]:
    block: list[tuple[Row, str]] = []  # of CHUNK films, whose large pictures come behind them
    large: dict[int, str] = {}
    number, inside = 0, False
    for line in page:
        if line.startswith(_END):
            inside = False
        elif start := _BLOCK.fullmatch(line):
            yield from _of_block(block, large, number)
            block, large, number, inside = [], {}, int(start[1]), True
        elif inside:
            block.append((next(rows), line.rstrip("\n")))
        elif found := _LARGE.fullmatch(line):
            large[int(found[1])] = found[2]
    yield from _of_block(block, large, number)


def _of_block(block: list[tuple[Row, str]], large: dict[int, str], number: int) -> Iterator[tuple[Row, Picture]]:
    for index, (row, line) in enumerate(block, number * CHUNK):
        jpeg, places, order, *_ = [*line.split(" "), "", ""]
        picture = checked(_decoded(jpeg), places, _decoded(large.get(index, "")), _decoded(order).decode())
        if picture:
            yield row, picture


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _rows(page: Iterator[str]) -> Iterator[Row]:
    for line in page:
        if line.startswith(_ROWS):
            line = line[len(_ROWS) :]
            break
    else:
        return
    line = line.removeprefix("[")  # of the whole list; each line is one row
    while True:
        text, end, _ = line.rstrip("\n").partition(_END)
        text = text.removesuffix("]") if end else text.removesuffix(",")
        if text:
            yield Row(**dict(zip(CELLS, json.loads(text)[: len(CELLS)], strict=True)))
        if end or not text:
            return
        line = next(page, "")
