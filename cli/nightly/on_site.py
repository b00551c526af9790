"""`xscan accept`: the films of a run and their truth, joined to a report."""

from pathlib import Path
from typing import Any

import numpy as np

from xscan.calibration.audit import read_truth
from xscan.calibration.site import SiteReport, bands, compared, films_of, judge, were_trained_on
from xscan.engine.batch.in_history import versions
from xscan.engine.batch.settings import BatchSettings, Summary
from xscan.engine.dataset.sheet import read_sheet
from xscan.engine.errors import UsageError
from xscan.engine.lists.run_report import digest_of
from xscan.engine.lists.table import rows_in
from xscan.engine.network.manifest import Manifest
from xscan.engine.nights import clock

Truth = tuple[str, dict[str, bool], dict[str, str]]


def truth_of(path: Path) -> Truth:
    """The column that names films; which of them are pneumonia; whose each is, where it says. Raises UsageError."""
    key, sick = read_truth(path)
    sheet, rows = read_sheet(path)
    patients = {cells[key].strip(): cells["patient"] for _, cells in rows} if "patient" in sheet.columns else {}
    return key, sick, patients


def report_of_films(
    settings: BatchSettings,
    summary: Summary,
    manifest: Manifest,
    truth: Truth,
    before: dict[str, Any] | None,
    *,
    by: str,
    new: bool,
    trained_too: bool,
) -> SiteReport:
    """Raises UsageError where no film has a truth, or all were trained on."""
    key, sick, patients = truth
    rows = [row for row in rows_in(settings.out) if getattr(row, key) in sick and row.status != "skipped"]
    if not rows:
        raise UsageError(f"no film of {settings.folder} has a row in the truth (compared by {key})")
    films = films_of(rows, settings.folder)
    whose = [patients.get(getattr(row, key)) or film.patient for row, film in zip(rows, films, strict=True)]
    seen = were_trained_on(films, whose, manifest, settings.engine.parent)
    left_out = 0 if trained_too else int(seen.films.sum())
    if left_out == len(rows):
        raise UsageError("the network was trained on all of these films: give this site's own")
    use = np.ones(len(rows), bool) if trained_too else ~seen.films
    kept = [row for row, used in zip(rows, use, strict=True) if used]
    is_sick = np.array([sick[getattr(row, key)] for row in kept], bool)
    if left_out and (is_sick.all() or not is_sick.any()):
        raise UsageError(
            f"the network was trained on {left_out} of these {len(rows)} films, and the others are all of one kind: "
            "give this site's own, normal and pneumonia"
        )
    facts = {
        "date": clock.stamp(clock.now()),
        "by": by,
        "network": manifest.label,
        "engine_sha256": summary.engine["sha256"],
        "engine": summary.engine,
        "films": len(kept),
        "normal": int((~is_sick).sum()),
        "pneumonia": int(is_sick.sum()),
        "left_out_as_trained_on": left_out,
        "kept_though_trained_on": int(seen.films.sum()) - left_out,
        "trained_on_is_on_record": seen.known,
        "films_sha256": digest_of(settings.out),
        "bands": bands(kept, is_sick),
        "runtime": summary.runtime,
        "versions": versions(),
        "intended_use": manifest.intended_use,
    }
    reasons, notes = compared(before, facts, new_network=new) if before else ([], ["there was none before"])
    facts["since_the_last"] = notes
    return SiteReport(judge(kept, is_sick, np.array(whose)[use], manifest), facts, tuple(reasons))
