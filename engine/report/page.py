"""The morning page: one HTML file that needs nothing else, beside the triage list it shows.

The list is read twice and never held: once for the rows, once for the pictures, which stand after the page's
script so that a browser paints the list before it has read them.
"""

import base64
import heapq
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO

from ..disk.overwrite import require_page
from ..disk.replace import replacing
from ..errors import UsageError
from ..lists.studies import studies_of
from ..lists.table import Row, rows_in
from ..network.manifest import Manifest
from ..nights.heard import News
from . import texts
from .sentences import sentences
from .thumbnails import LARGE_BANDS, Picture

CHUNK = 100  #: pictures in one block of the page
LARGE_BYTES = 48_000_000  #: of the page, for large pictures: some 1,000 films, the most urgent first
WAIT_HOURS = 48  #: a film whose file is so much older than the list goes before review and routine
ARCHIVE_HOURS = 14 * 24  #: one that is older still is of an archive: nobody has waited for it
SCRIPTS = ("base.js", "marks.js", "film.js", "list.js")  #: parts of the page's one script, in this order
CELLS = (  # of a row, in the page
    *("file", "status", "priority", "finding", "p_normal", "p_bacteria", "p_virus", "p_pneumonia", "reason"),
    *("study_uid", "series_uid", "sop_uid", "bytes", "modified"),
)

#: The picture of a scored row, or None where there is none.
Pictures = Callable[[Row], Picture | None]


@dataclass(frozen=True)
class PageOptions:
    lang: str = "en"  #: the language it opens in; a button changes it
    manifest: Manifest | None = None  #: names the network and its operating points
    viewer: str = ""  #: address of the clinic's viewer, with {study_uid}; checked by `viewer.check_pattern`
    order: bool = False  #: show study date and accession number
    news: News | None = None  #: what is new tonight, and earlier studies; None where no history tells
    large_bytes: int | None = None  #: of the page, for large pictures; None: LARGE_BYTES


def write_page(csv: Path, out: Path, options: PageOptions, pictures: Pictures | None) -> None:
    """Write the page of a finished triage list; it replaces an older one only when it is whole.

    pictures: called for scored rows, for some of them twice; None leaves all pictures out.
    Raises UsageError for an unknown language or no list, OutputError for a damaged or unwritable one, StorageError.
    """
    if not csv.is_file():
        raise UsageError(f"no list {csv}: make it with xscan batch")
    room = LARGE_BYTES if options.large_bytes is None else options.large_bytes
    css = _template("page.css")
    js = '"use strict";\n(() => {\n' + "".join(map(_template, SCRIPTS)) + "})();\n"
    parts = {
        "LANG": lambda: [options.lang],
        "TITLE": lambda: ["xscan"],
        "CSS": lambda: [css],
        "JS": lambda: [js],
        "CSS_HASH": lambda: [_hash(css)],
        "JS_HASH": lambda: [_hash(js)],
        "FACTS": lambda: [_json(_facts(csv, options, pictures is not None))],
        "ROWS": lambda: _rows(csv, options.news),
        "STUDIES": lambda: _studies(csv, options.news),
        "PICTURES": lambda: _pictures(csv, _shown(pictures, options.order), room) if pictures else [],
    }
    with replacing(out, require_page, private=True) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="\n", write_through=True)
        _write(text, parts)
        text.detach()


def _write(stream: TextIO, parts: dict[str, Callable[[], Any]]) -> None:
    text = _template("page.html")
    while text:
        before, mark, rest = text.partition("{{")
        stream.write(before)
        if not mark:
            return
        name, _, text = rest.partition("}}")
        for piece in parts[name]():
            stream.write(piece)


def _template(name: str) -> str:
    return (files("xscan.engine.report") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """For the content security policy: nothing else than this very script and style is run."""
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def _facts(csv: Path, options: PageOptions, pictures: bool) -> dict[str, Any]:
    manifest = options.manifest
    return {
        "lang": options.lang,
        "strings": texts.words(),
        "reasons": sentences(),
        "wait": WAIT_HOURS,
        "archive": ARCHIVE_HOURS,
        "name": csv.name,
        "made": f"{datetime.fromtimestamp(csv.stat().st_mtime, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "model": manifest.label if manifest else "",
        "points": manifest.points() if manifest else None,
        "viewer": options.viewer,  # the page puts in UIDs as `viewer.address` does
        "since": options.news.since if options.news else "",  # what was first seen from here on is new tonight
        "pictures": pictures,
        "chunk": CHUNK,
        "version": version("xscan"),
    }


def _rows(csv: Path, news: News | None) -> Iterator[str]:
    """Arrays of CELLS; where a history tells, one cell more: when it first heard of the film."""
    before = "["
    for row in rows_in(csv):
        cells = [getattr(row, name) for name in CELLS]
        yield before + _json(cells if news is None else [*cells, news.first_seen(row)])
        before = ",\n"
    yield "]" if before != "[" else "[]"


def _studies(csv: Path, news: News | None) -> Iterator[str]:
    """Of each study of several films its band and the film that decides it; of any the patient's study before it."""
    before = "{"
    for uid, place in studies_of(csv):
        earlier = news.earlier_study(uid) if news is not None else ""
        if place.band and place.film and (place.films > 1 or earlier):
            cells = [place.band, place.film.file, *([earlier] if earlier else [])]
            yield f"{before}{_json(uid)}:{_json(cells)}"
            before = ",\n"
    yield "}" if before != "{" else "{}"


def _shown(pictures: Pictures, order: bool) -> Pictures:
    """Without study date and accession number, unless they are asked for: an earlier page may have them."""

    def shown(row: Row) -> Picture | None:
        picture = pictures(row)
        return picture if order or picture is None else replace(picture, order="")

    return shown


def _pictures(csv: Path, pictures: Pictures, room: int) -> Iterator[str]:
    """Blocks of CHUNK lines, a row without a picture has an empty one; behind each the large pictures of its films.

    room: bytes of the page for large pictures.
    """
    chosen = _with_large(csv, pictures, room)
    large: list[str] = []
    number = -1
    for number, row in enumerate(rows_in(csv)):
        if number % CHUNK == 0:
            yield from _end_of_block(large) if number else ()
            large = []
            yield f'<script type="text/plain" id="pictures{number // CHUNK}">\n'
        picture = pictures(row) if row.priority else None
        yield (picture.line() if picture else "") + "\n"
        if picture and number in chosen:
            text = base64.b64encode(picture.large).decode()
            large.append(f'<script type="text/plain" id="large{number}">{text}</script>\n')
    if number >= 0:
        yield from _end_of_block(large)


def _end_of_block(large: list[str]) -> Iterator[str]:
    yield "</script>\n"
    yield from large


def _with_large(csv: Path, pictures: Pictures, room: int) -> set[int]:
    """Which rows of the list get their large picture: the most urgent ones, as many as there is room for."""
    chosen: list[tuple[int, float, int, int]] = []  # the least urgent first
    size = 0
    for number, row in enumerate(rows_in(csv)):
        picture = pictures(row) if row.priority in LARGE_BANDS else None
        if picture is None or not picture.large:
            continue
        bytes_of = len(picture.large) * 4 // 3
        size += bytes_of
        heapq.heappush(chosen, (-LARGE_BANDS.index(row.priority), float(row.p_pneumonia), -number, bytes_of))
        while size > room:
            size -= heapq.heappop(chosen)[3]
    return {-number for _, _, number, _ in chosen}


def _json(content: Any) -> str:
    """JSON that cannot end the script block it stands in."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
