"""Lists with made-up scores of phantom films: what is sent needs no network."""

from pathlib import Path

from xscan.engine.lists.table import HEADER, Row, encode
from xscan.engine.pacs.objects.identity import source_of

SCORES = {
    "urgent": ("bacteria", "0.0102", "0.8500", "0.1398", "0.9898"),
    "review": ("pneumonia", "0.6000", "0.2100", "0.1900", "0.4000"),
    "routine": ("normal", "0.9300", "0.0300", "0.0400", "0.0700"),
}


def row_of(film: Path, folder: Path, band: str = "urgent", model: str = "compact@3", reason: str = "") -> Row:
    source = source_of(film.read_bytes(), 1 << 29)
    return Row(
        film.relative_to(folder).as_posix(),
        "review" if reason else "ok",
        band,
        *SCORES[band],
        reason=reason,
        study_uid=source.study_uid,
        series_uid=source.series_uid,
        sop_uid=source.sop_uid,
        model=model,
        bytes=str(film.stat().st_size),
        modified="2026-01-31T02:00:00.000000Z",
    )


def write_list(path: Path, rows: list[Row]) -> None:
    path.write_bytes(HEADER + encode(rows))
