"""Bands of a finished list again, from its numbers alone: other operating points need no radiographs."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..disk.overwrite import require_absent
from ..disk.replace import replacing
from ..errors import OutputError, UsageError
from ..network.manifest import Manifest
from ..triage.bands import band, placed
from .run_report import RunReport, State
from .table import HEADER, Row, encode, require_list, rows_in


def rows_again(rows: Iterator[Row], manifest: Manifest) -> Iterator[Row]:
    """The rows with finding and priority by the manifest's points; rows without a score stay as they are.

    Raises UsageError for a row that another network scored.
    """
    for row in rows:
        if not row.priority:
            yield row
            continue
        if row.model != manifest.label:
            raise UsageError(f"the list was scored by {row.model}, not {manifest.label}: give its own --engine")
        try:
            normal, bacteria, virus = float(row.p_normal), float(row.p_bacteria), float(row.p_virus)
            pneumonia = float(row.p_pneumonia)
        except ValueError:
            raise OutputError("the CSV is damaged: a scored row without its numbers") from None
        finding, priority = band(normal, bacteria, virus, pneumonia, manifest)
        priority = placed(priority, doubtful=row.status == "review").value
        yield replace(row, finding=finding, priority=priority)


def retriage(csv: Path, manifest: Manifest, out: Path | None) -> dict[str, Counter[str]]:
    """Count the bands of a list before and after; write the new list, and its run report, when `out` is given.

    Raises UsageError, OutputError, StorageError.
    """
    if not csv.is_file():
        raise UsageError(f"no list {csv}: make it with xscan batch")
    ours = require_list if out is not None and _is_triaged_from(csv, out) else require_absent
    counts: dict[str, Counter[str]] = {"before": Counter(), "after": Counter(), "moved": Counter()}
    with replacing(out, ours, private=True) if out else contextlib.nullcontext() as target:
        if target:
            target.write(HEADER)
        # The list is read twice, side by side: memory does not depend on its length.
        for old, new in zip(rows_in(csv), rows_again(rows_in(csv), manifest), strict=True):
            counts["before"][old.priority] += 1
            counts["after"][new.priority] += 1
            if old.priority != new.priority:
                counts["moved"][f"{old.priority} to {new.priority}"] += 1
            if target:
                target.write(encode([new]))
        if out:  # before the list: a list without it could not be told from another's
            RunReport(State.TRIAGED, source=csv.name, manifest=json.loads(manifest.to_json())).write(out)
    return counts


def _is_triaged_from(csv: Path, out: Path) -> bool:
    """Is `out` what an earlier call made of the same list?"""
    report = RunReport.read(out)
    return report is not None and (report.state, report.source) == (State.TRIAGED, csv.name)
