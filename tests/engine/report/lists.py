"""Triage lists for tests of the page: made up, of any length, with pictures of phantoms."""

import json
import os
import random
import zlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from xscan.engine import CLASSES
from xscan.engine.lists.run_report import RunReport, State, digest_of
from xscan.engine.lists.table import HEADER, Row, encode
from xscan.engine.network.manifest import Manifest, OperatingPoint
from xscan.engine.network.spec import InputSpec
from xscan.engine.nights.heard import News
from xscan.engine.phantom.draw import draw
from xscan.engine.report.thumbnails import LARGE_BANDS, Picture, large_copy, small_copy
from xscan.engine.triage.bands import judge

MANIFEST = Manifest(
    "compact", "1", InputSpec(160, 160), 1.0, OperatingPoint(0.12, 0.98, 0.93), OperatingPoint(0.81, 0.92, 0.98)
)
EVENING = datetime(2026, 11, 22, 18, tzinfo=UTC)  #: when a made-up night's first films were exported
MORNING = datetime(2026, 11, 23, 6, tzinfo=UTC)  #: when its list was finished
HOSTILE = "=cmd|'/c'!A1/</script><img src=x onerror=alert(1)>.dcm"


def made_up_rows(count: int, seed: int = 0) -> list[Row]:
    """Rows of a plausible night: two films a study, some doubts, some failures; the last file's name is hostile."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        file = f"ward-{i // 400:02d}/film-{i:05d}.dcm" if i < count - 1 else HOSTILE
        made = EVENING - timedelta(hours=60 if i % 40 == 7 else 0) + timedelta(seconds=rng.randint(0, 36_000))
        row = Row(file, "ok", bytes=str(rng.randint(90_000, 9_000_000)), modified=f"{made:%Y-%m-%dT%H:%M:%S}.000000Z")
        chance = rng.random()
        if chance < 0.02:
            row.status, row.reason = "failed", "truncated: JPEG ends after 41 KB of 280 KB"
        elif chance < 0.05:
            row.status, row.reason = "skipped", "dicomdir: an index of files, not a picture"
        else:
            pneumonia = rng.betavariate(0.5, 0.9)
            bacteria = pneumonia * rng.betavariate(2, 2)
            verdict = judge([1 - pneumonia, bacteria, pneumonia - bacteria], MANIFEST)  # type: ignore[arg-type]
            row.p_normal, row.p_bacteria, row.p_virus = (f"{p:.4f}" for p in verdict.probabilities)
            row.p_pneumonia = f"{verdict.p_pneumonia:.4f}"
            row.finding, row.priority, row.model = verdict.finding, verdict.priority, MANIFEST.label
            row.study_uid = f"1.2.826.{i // 2}"
            row.sop_uid = f"1.2.826.{i // 2}.{i}"
            if chance < 0.09:
                row.status, row.reason = "review", "adult: by its DICOM age outside the model's population"
                row.priority = "urgent" if row.priority == "urgent" else "review"
        rows.append(row)
    return rows


def write_list(path: Path, rows: list[Row]) -> None:
    path.write_bytes(HEADER + encode(rows))
    os.utime(path, (MORNING.timestamp(), MORNING.timestamp()))
    RunReport(State.FINISHED, sha256=(digest_of(path),), manifest=json.loads(MANIFEST.to_json())).write(path)


def waits(row: Row) -> bool:
    """Whether a film has waited over 48 hours when the list is made, so that it goes before review and routine."""
    return row.priority in ("review", "routine") and row.modified < "2026-11-21T06"


def heard(new: Collection[str] = (), earlier: Mapping[str, str] | None = None) -> News:
    """What a history would tell. new: files that are new tonight. earlier: study -> the patient's study before it."""
    return News(
        "2026-11-23T00:00:00Z",
        lambda row: "2026-11-23T02:00:00Z" if row.file in new else "2026-11-20T02:00:00Z",
        lambda uid: (earlier or {}).get(uid, ""),
    )


def by_place(rows: list[Row]) -> list[Row]:
    """The scored rows as the page shows them: by band, and within a band the older film first."""
    rank = {"urgent": 0, "review": 2, "routine": 3}
    scored = [row for row in rows if row.priority]
    return sorted(
        scored, key=lambda r: (1 if waits(r) else rank[r.priority], r.modified, -float(r.p_pneumonia), rows.index(r))
    )


class PhantomPictures:
    """The same few phantoms over and over, each with a made-up class map; side: of the large pictures."""

    def __init__(self, kinds: int = 9, side: int = 390) -> None:
        films = [(draw(CLASSES[i % 3], i, side * 10 // 13, side) >> 4).astype("uint8") for i in range(kinds)]
        self._jpegs = [(small_copy(film), large_copy(film)) for film in films]

    def __call__(self, row: Row) -> Picture:
        number = zlib.crc32(row.file.encode())
        evidence = [128] * 25
        place = (6, 8, 11, 13)[number % 4]  # in the lungs
        evidence[place] = round(128 + 127 * float(row.p_pneumonia))
        evidence[place + 5] = round(128 + 90 * float(row.p_pneumonia))
        small, large = self._jpegs[number // 4 % len(self._jpegs)]
        return Picture(small, "5x5:" + bytes(evidence).hex(), large if row.priority in LARGE_BANDS else b"")
