"""Acceptance on site: does this installation, on this machine, with these films, do what the manifest promises?

Written limits, set before anyone looks; each figure with its 95 % interval. A figure is `shown` where all its interval
is within the limit, `kept` where the figure is and the films are too few to show it, `over, maybe by chance` where the
figure is beyond the limit and its interval is not, and `refused` where all of the interval is beyond it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from xscan.engine.dataset.films import DataSet, ListedFilm
from xscan.engine.dataset.folder import list_films
from xscan.engine.dataset.trained_on import TrainedOn, trained_on
from xscan.engine.disk.overwrite import GENERATOR, made_here, require_page
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import UsageError
from xscan.engine.find.found import Found
from xscan.engine.lists.table import Row
from xscan.engine.network.manifest import Manifest
from xscan.engine.nights import clock
from xscan.engine.triage.bands import Band

from .statistics.bootstrap import bootstrap
from .statistics.intervals import films_for_share, of_patients
from .statistics.metrics import ranking

FORMAT = 1
NAME = "acceptance-{}"
_JSON = made_here("acceptance report", b'{\n "acceptance"')


@dataclass(frozen=True)
class SiteLimits:
    """What a site may find. Other sites' films are scored worse than the network's own (docs/model-card.md, "Films from
    elsewhere"): what may not suffer is that pneumonias are found."""

    sensitivity_loss: float = 0.03  #: at rule-out, below what the manifest measured
    early: float = 0.90  #: least share of pneumonias at or above rule-in
    specificity: float = 0.60  #: least share of normal films below rule-in
    auc: float = 0.90  #: least area under the ROC curve, pneumonia against normal
    doubtful: float = 0.25  #: most share of films that the network may not decide on
    failed: float = 0.02  #: most share of the films with a truth that could not be scored


LIMITS = SiteLimits()


@dataclass(frozen=True)
class Check:
    figure: str
    value: float
    low: float
    high: float
    limit: float
    at_least: bool  #: the value should be at least the limit; else at most

    @property
    def state(self) -> str:
        better = self.value >= self.limit if self.at_least else self.value <= self.limit
        surely = self.low >= self.limit if self.at_least else self.high <= self.limit
        surely_not = self.high < self.limit if self.at_least else self.low > self.limit
        if better:
            return "shown" if surely else "kept"
        return "refused" if surely_not else "over, maybe by chance"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"state": self.state}


@dataclass(frozen=True)
class SiteReport:
    """What a physicist files. `facts`: who, when, with what, on which films."""

    checks: tuple[Check, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()  #: why it fails, beside the checks

    @property
    def outcome(self) -> str:
        """passed, undecided, failed."""
        states = {check.state for check in self.checks}
        if self.reasons or "refused" in states:
            return "failed"
        return "undecided" if "over, maybe by chance" in states else "passed"

    def as_dict(self) -> dict[str, Any]:
        """With the sha256 of all of it: what is changed later shows."""
        content = {"acceptance": self.outcome, "format": FORMAT, **self.facts, "reasons": list(self.reasons)}
        content["checks"] = [check.as_dict() for check in self.checks]
        return content | {"sha256": digest(content)}

    def as_text(self) -> str:
        lines = [f"{self.outcome}: {self.facts.get('network', '')} on {self.facts.get('films', 0)} films"]
        lines += self.of_training()
        lines += [f"{'':38}{'found':>8}  {'95 % interval':<18}{'limit':>9}"]
        for x in self.checks:
            limit = f"{'>=' if x.at_least else '<='} {x.limit:.3f}"
            lines.append(f"{x.figure:38}{x.value:8.3f}  {f'{x.low:.3f} to {x.high:.3f}':<18}{limit:>9}  {x.state}")
        return "\n".join([*lines, *(f"  {reason}" for reason in self.reasons)])

    def of_training(self) -> list[str]:
        """What is to be said of films that the network was trained on."""
        notes = []
        if kept := self.facts.get("kept_though_trained_on"):
            notes.append(f"WARNING: the network was trained on {kept} of these films: no figures of this site")
        if left := self.facts.get("left_out_as_trained_on"):
            notes.append(f"left out: {left} films of patients that the network was trained on")
        if self.facts.get("trained_on_is_on_record") is False:
            notes.append("not on record here: which films the network was trained on; of those, these are no figures")
        return notes


def needed(manifest: Manifest, limits: SiteLimits = LIMITS) -> dict[str, int]:
    """How many films, each of another patient, would show the limits, if this site's are like the manifest's."""
    missed = 1 - manifest.rule_out.sensitivity
    sick = films_for_share(missed, missed + limits.sensitivity_loss) or 0
    well = films_for_share(0.25, 1 - limits.specificity) or 0  # a quarter called early, as films from elsewhere are
    return {"pneumonia": sick, "normal": well}


def judge(
    rows: Sequence[Row],
    sick: np.ndarray,
    patients: np.ndarray,
    manifest: Manifest,
    limits: SiteLimits = LIMITS,
) -> tuple[Check, ...]:
    """rows: films with a truth, scored or failed; sick: bool [films]; patients: [films]. Raises UsageError."""
    scored = np.array([bool(row.priority) for row in rows], bool)
    if not (sick & scored).any() or not (~sick & scored).any():
        raise UsageError("acceptance needs scored films of both kinds, normal and pneumonia: give more films")
    p = np.array([float(row.p_pneumonia or 0) for row in rows])
    doubtful = np.array([row.status == "review" for row in rows], bool)
    whose = np.asarray(patients)

    def share(figure: str, hits: np.ndarray, among: np.ndarray, limit: float, at_least: bool = True) -> Check:
        low, high = of_patients(hits[among], whose[among])
        return Check(figure, float(hits[among].mean()), low, high, limit, at_least)

    lowest = manifest.rule_out.sensitivity - limits.sensitivity_loss
    drawn = bootstrap(lambda weights: {"auc": ranking(sick[scored], p[scored], weights)["roc_auc"]}, whose[scored])[
        "auc"
    ]
    auc = drawn.value or 0.0
    # By the scores, not by the bands: a doubtful film is never routine, whatever the network makes of it.
    return (
        share("pneumonias at or above rule-out", p >= manifest.rule_out.threshold, sick & scored, lowest),
        share("pneumonias at or above rule-in", p >= manifest.rule_in.threshold, sick & scored, limits.early),
        share("normal films below rule-in", p < manifest.rule_in.threshold, ~sick & scored, limits.specificity),
        Check("ROC AUC", auc, auc if drawn.low is None else drawn.low, auc if drawn.high is None else drawn.high,
              limits.auc, True),
        share("films that it may not decide on", doubtful, scored, limits.doubtful, at_least=False),
        share("films that could not be scored", ~scored, np.ones(len(rows), bool), limits.failed, at_least=False),
    )  # fmt: skip


def bands(rows: Sequence[Row], sick: np.ndarray) -> dict[str, dict[str, int]]:
    """Films by band and truth, for the report."""
    found = {}
    for band in Band:
        here = np.array([row.priority == band for row in rows], bool)
        found[str(band)] = {"normal": int((here & ~sick).sum()), "pneumonia": int((here & sick).sum())}
    return found


def films_of(rows: Sequence[Row], folder: Path) -> tuple[ListedFilm, ...]:
    """The films of a list's rows, each with its patient as `evaluate` knows it: by a CSV beside the folder, else by the
    rule of its name. Raises DataSetError."""
    listed = {film.file: film for film in list_films(folder)}
    gone = ((row, Found(row.file, str(folder / row.file), None, int(row.bytes or 0))) for row in rows)
    return tuple(listed.get(row.file) or ListedFilm(found, row.file, None) for row, found in gone)


def were_trained_on(
    films: Sequence[ListedFilm], patients: Sequence[str], manifest: Manifest, beside: Path
) -> TrainedOn:
    """Films that the network was trained on, or of such patients, by either way of naming whose they are."""
    named = [replace(film, patient=whose) for film, whose in zip(films, patients, strict=True)]
    by_list, by_truth = (trained_on(DataSet(tuple(of), ""), "", manifest.data, beside) for of in (films, named))
    return by_list | by_truth


def compared(before: dict[str, Any], now: dict[str, Any], *, new_network: bool) -> tuple[list[str], list[str]]:
    """What is other than at the last acceptance: reasons to fail, and notes."""
    reasons, notes = [], []
    if before.get("engine_sha256") != now.get("engine_sha256"):
        said = f"another engine than at the last acceptance ({before.get('network')}, {before.get('date')})"
        (notes if new_network else reasons).append(said + ("" if new_network else ": say --new-network if it is meant"))
    for name, version in now.get("versions", {}).items():
        if (old := before.get("versions", {}).get(name)) != version:
            notes.append(f"{name} {version}, was {old}")
    return reasons, notes


def digest(content: dict[str, Any]) -> str:
    """sha256 of a report without its own."""
    text = json.dumps({k: v for k, v in content.items() if k != "sha256"}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def last_report(folder: Path) -> dict[str, Any] | None:
    """The latest report of a folder that passed. Raises UsageError where one was changed since it was written."""
    for path in sorted(folder.glob(NAME.format("*") + ".json"), reverse=True):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["sha256"] == digest(content):
                if content["acceptance"] == "passed":
                    return content
                continue
        except (OSError, ValueError, KeyError, TypeError):
            pass
        raise UsageError(f"{path} was changed or damaged: take it out of {folder}")
    return None


def write(report: SiteReport, folder: Path) -> tuple[Path, Path]:
    """Write the report, dated, as JSON and HTML. Raises OutputError, StorageError."""
    name = NAME.format(f"{clock.now():%Y%m%dT%H%M%SZ}")
    content = report.as_dict()
    paths = folder / f"{name}.json", folder / f"{name}.html"
    replace_bytes(paths[0], (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode(), _JSON, private=True)
    replace_bytes(paths[1], page(content, report.of_training()).encode(), require_page, private=True)
    return paths


_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{border-bottom:1px solid #8888;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}.sign td{height:3rem}@page{margin:2cm}"
)


#: What the page calls the report's facts, in its order; what has no name here is shown by its own.
_FACTS = {
    "date": "Date",
    "by": "By",
    "network": "Network",
    "engine": "Engine",
    "films": "Films with a truth",
    "normal": "of them normal",
    "pneumonia": "of them pneumonia",
    "bands": "Films by band",
    "left_out_as_trained_on": "Left out: of patients that the network was trained on",
    "kept_though_trained_on": "Kept, though the network was trained on them",
    "trained_on_is_on_record": "On record which films it was trained on",
    "since_the_last": "Since the last acceptance",
    "intended_use": "Intended use",
    "runtime": "Runtime",
    "versions": "Versions",
    "engine_sha256": "SHA-256 of the engine",
    "films_sha256": "SHA-256 of the list of films",
    "sha256": "SHA-256 of this report",
}
_APART = {"acceptance", "format", "reasons", "checks"}
_LEGEND = (
    "shown: all of the interval is within the limit. kept: the figure is, and the films are too few to show it. "
    "over, maybe by chance: the figure is not, and the films are too few to say. refused: none of the interval is."
)


def page(content: dict[str, Any], notes: Sequence[str] = ()) -> str:
    """The report as one HTML page, to print and sign. notes: of `SiteReport.of_training`."""
    checks = "".join(
        f"<tr><td>{escape(c['figure'])}</td><td>{c['value']:.3f}</td><td>{c['low']:.3f} to {c['high']:.3f}</td>"
        f"<td>{'at least' if c['at_least'] else 'at most'} {c['limit']:.3f}</td><td>{escape(c['state'])}</td></tr>"
        for c in content["checks"]
    )
    names = [*(name for name in _FACTS if name in content), *(set(content) - set(_FACTS) - _APART)]
    facts = "".join(
        f"<tr><th>{escape(_FACTS.get(name, name))}</th><td>{'<br>'.join(_lines(content[name]))}</td></tr>"
        for name in names
    )
    said = "".join(f"<p>{escape(line)}</p>" for line in (*content["reasons"], *notes))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"{GENERATOR}"
        f"<title>xscan: acceptance, {escape(content['acceptance'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Acceptance of xscan: {escape(content['acceptance'])}</h1>{said}<table><tr><th>figure</th><th>found</th>"
        f"<th>95 % interval</th><th>limit</th><th></th></tr>{checks}</table><p>{_LEGEND}</p><table>{facts}</table>"
        '<table class="sign"><tr><th>date</th><th>name</th><th>signature</th></tr><tr><td></td><td></td><td></td></tr>'
        "</table></body></html>\n"
    )


def _lines(value: Any) -> list[str]:
    """A fact as lines of HTML."""
    if isinstance(value, dict):
        return [f"{escape(str(name))}: {', '.join(_lines(one)) or '-'}" for name, one in value.items()]
    if isinstance(value, list | tuple):
        return [line for one in value for line in _lines(one)] or ["-"]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    return [escape("-" if value is None else str(value))]
