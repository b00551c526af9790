"""Pictures of an earlier page of the same list, so that a night with few new films reads only those."""

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path

from ..lists.table import Row
from .page import CELLS
from .thumbnails import Picture

_ROWS = '<script type="application/json" id="rows">'
_PICTURES = '<script type="text/plain" id="pictures'
_END = "</script>"


def pictures_of(page: Path) -> Iterator[tuple[Row, Picture]]:
    """The scored films of a page that `write_page` made, and their pictures; nothing of any other file.

    The page is read line by line, twice side by side: rows stand at its top, pictures below, in the same order.
    """
    try:
        with page.open(encoding="utf-8") as rows, page.open(encoding="utf-8") as pictures:
            for row, line in zip(_rows(rows), _lines(pictures), strict=False):
                jpeg, _, places = line.partition(" ")
                if jpeg:
                    yield row, Picture(base64.b64decode(jpeg, validate=True), places)
    except (OSError, ValueError, TypeError, binascii.Error):
        return  # a page of another version, or cut off: its films are read again


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
            yield Row(**dict(zip(CELLS, json.loads(text), strict=True)))
        if end or not text:
            return
        line = next(page, "")


def _lines(page: Iterator[str]) -> Iterator[str]:
    inside = False
    for line in page:
        if line.startswith(_END):
            line, inside = line[len(_END) :], False
        if line.startswith(_PICTURES):
            inside = True
        elif inside:
            yield line.rstrip("\n")
