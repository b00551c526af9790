"""After the readers have reported: what the bands were worth, whether scores mean what they say, and drift."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.folder import list_films
from xscan.engine.dataset.sheet import bare, read_sheet
from xscan.engine.dataset.trained_on import trained_on
from xscan.engine.disk.hostile import uncell
from xscan.engine.disk.overwrite import reading
from xscan.engine.errors import UsageError
from xscan.engine.lists.table import COLUMNS, HEADER, Row, read_rows
from xscan.engine.network.manifest import Manifest
from xscan.engine.nights.drift import ANOTHER, MOVED
from xscan.engine.triage.bands import Band

from .points.reference import stability_index
from .statistics.intervals import rate
from .statistics.metrics import score_bin, score_error

KEYS = ("file", "sop_uid", "study_uid")
BINS = 10  #: of the score, in the table and for its mean error
FEW = 100  #: films under which a month's index says little
_SCORE = re.compile(r"0?\.\d+|[01](\.0+)?")
#: In English, German, Spanish, French, Italian and Portuguese, without accents, spaces and marks.
_SICK: dict[str, bool] = dict.fromkeys(
    (
        *("bacteria", "bacterial", "virus", "viral", "pneumonia", "1", "yes", "true", "pneumonie", "bakterien"),
        *("bakteriell", "viren", "ja", "neumonia", "bacteriana", "si", "bacterienne", "virale", "oui", "polmonite"),
        *("batterica", "bacterias", "sim", "bacterialpneumonia", "viralpneumonia", "bakteriellepneumonie"),
        *("viralepneumonie", "viruspneumonie", "neumoniabacteriana", "neumoniaviral", "neumoniavirica"),
    ),
    True,
)
_WELL: dict[str, bool] = dict.fromkeys(
    (
        *("normal", "0", "no", "false", "nein", "unauffallig", "non", "normale", "nao", "ob", "ohnebefund"),
        *("sinhallazgos", "sano", "sana", "nofinding", "nofindings"),
    ),
    False,
)
_TRUTH = _SICK | _WELL


@dataclass
class Audit:
    """Figures over all films that have both a score and a truth; `months` over all scored films."""

    model: str
    matched: int = 0
    trained_on: int | None = None  #: films left out, for the network was trained on them; None: not looked up
    unmatched_truth: int = 0  #: rows of the truth without a scored film
    without_truth: int = 0  #: scored films without a truth
    bands: dict[str, dict[str, Any]] = field(default_factory=dict)
    points: dict[str, dict[str, Any]] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    months: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_text(self) -> str:
        lines = [f"{self.model}: {self.matched} films with score and truth"]
        if self.without_truth or self.unmatched_truth:
            lines.append(
                f"  {self.without_truth} scored films lack a truth, {self.unmatched_truth} truths a scored film"
            )
        if self.trained_on:
            lines.append(f"  left out: {self.trained_on} films that the network was trained on, or of such patients")
        elif self.trained_on is None:
            lines.append("  not looked up: whether the network was trained on these films (--films FOLDER does)")
        lines += ["", "band        films  pneumonia  share that is pneumonia (95 %)"]
        for name, b in self.bands.items():
            lines.append(f"{name:<10}{b['films']:>7}{b['pneumonia']:>11}  {_interval(b['ppv'])}")
        lines += ["", "point       score   sensitivity (95 %)         specificity (95 %)"]
        for name, p in self.points.items():
            lines.append(
                f"{name:<10} {p['threshold']:.4f}   {_interval(p['sensitivity'])}   {_interval(p['specificity'])}"
            )
        lines += [
            "",
            f"calibration: Brier score {self.calibration['brier']:.4f}, "
            f"mean error {self.calibration['ece']:.4f} ({BINS} bins)",
        ]
        lines += ["  score        films   mean score   pneumonia"]
        for b in self.calibration["bins"]:
            lines.append(
                f"  {b['from']:.1f} to {b['to']:.1f} {b['films']:>7}       {b['score']:.3f}       {b['rate']:.3f}"
            )
        lines += [
            "",
            "month      films  mean score  urgent  review  routine  with truth  expected  found  stability index",
        ]
        for month, m in self.months.items():
            index = "-" if m["psi"] is None else f"{m['psi']:.3f}" + _verdict(m)
            lines.append(
                f"{month:<9}{m['films']:>7}  {m['score']:>10.3f}"
                + "".join(f"{m[b]:>{w}.3f}" for b, w in zip(Band, (8, 8, 9), strict=True))
                + f"{m['matched']:>12}"
                + "".join(
                    "-".rjust(w) if m[k] is None else f"{m[k]:>{w}.3f}" for k, w in (("expected", 10), ("found", 7))
                )
                + f"  {index}"
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class _Film(NamedTuple):
    """What the figures need of a scored film: a whole row is many times as large, and a list may cover years."""

    score: float
    band: str
    month: str  #: in which the file was written: the list holds no other date
    truth: bool | None  #: is it pneumonia; None where the readers' table does not have it


def trained_films(folder: Path, manifest: Manifest, beside: Path) -> set[str] | None:
    """The files of a scanned folder that the network was trained on, as its list names them; None: not on record.

    Reads every film's bytes. beside: the network's folder. Raises UsageError, DataSetError.
    """
    films = tuple(list_films(folder))
    found = trained_on(DataSet(films, ""), "", manifest.data, beside)
    return {film.file for film, was in zip(films, found.films, strict=True) if was} if found.known else None


def audit(lists: list[Path], truth: Path, manifest: Manifest, trained: set[str] | None = None) -> Audit:
    """Compare lists with what readers found.

    truth: CSV with a column file, sop_uid or study_uid (that which it has of these, in this order, names the
    film; of a study, all its films count) and a column truth: normal, pneumonia, bacteria or virus.
    trained: films that are left out, by their name in the lists (`trained_films`); None: not looked up.
    Raises UsageError, OutputError.
    """
    key, wanted = read_truth(truth)
    unmatched = set(wanted)
    films: list[_Film] = []
    left_out = 0
    for row in (row for path in lists for row in _scored(path, manifest)):
        if row.file in (trained or ()):
            left_out += 1
            continue
        name = getattr(row, key)
        unmatched.discard(name)
        month = intern(row.modified[:7] or "unknown")
        films.append(_Film(float(row.p_pneumonia), intern(row.priority), month, wanted.get(name)))
    if left_out and not films:
        raise UsageError("the network was trained on all films of the lists: no figure of them says how it does")
    score = np.array([film.score for film in films])
    known = np.array([film.truth is not None for film in films], bool)
    if not known.any():
        raise UsageError(f"no scored film of the lists has a row in {truth.name} (compared by {key})")
    sick = np.array([bool(film.truth) for film in films], bool)
    band = np.array([film.band for film in films])
    result = Audit(manifest.label, int(known.sum()))
    result.trained_on = None if trained is None else left_out
    result.unmatched_truth = len(unmatched)
    result.without_truth = int((~known).sum())
    for name in Band:
        here = known & (band == name)
        found = int((here & sick).sum())
        result.bands[name] = {"films": int(here.sum()), "pneumonia": found, "ppv": rate(found, int(here.sum()))}
    # By the bands as they stand in the list: a doubtful film was never routine, whatever its score.
    for name, point, positive in (
        ("rule-out", manifest.rule_out, band != Band.ROUTINE),
        ("rule-in", manifest.rule_in, band == Band.URGENT),
    ):
        result.points[name] = {
            "threshold": point.threshold,
            "sensitivity": rate(int((known & sick & positive).sum()), int((known & sick).sum())),
            "specificity": rate(int((known & ~sick & ~positive).sum()), int((known & ~sick).sum())),
        }
    result.calibration = _calibration(score[known], sick[known])
    result.months = _months(np.array([film.month for film in films]), score, band, known, sick, manifest)
    return result


def _calibration(score: np.ndarray, sick: np.ndarray) -> dict[str, Any]:
    bins = []
    number = score_bin(score, BINS)
    for b in range(BINS):
        here = number == b
        if here.any():
            mean, share = float(score[here].mean()), float(sick[here].mean())
            bins.append(
                {"from": b / BINS, "to": (b + 1) / BINS, "films": int(here.sum()), "score": mean, "rate": share}
            )
    error = float(score_error(score, sick, np.ones((1, len(score))), BINS)[0])
    return {"brier": float(((score - sick) ** 2).mean()), "ece": error, "ece_bins": BINS, "bins": bins}


def _months(
    month: np.ndarray, score: np.ndarray, band: np.ndarray, known: np.ndarray, sick: np.ndarray, manifest: Manifest
) -> dict[str, dict[str, Any]]:
    """By the month of each film.

    `expected` and `found`: of films with a truth, the mean score and the share that is pneumonia; the two part when
    the scores no longer mean what they say.
    """
    reference = manifest.results.get("distribution")
    months = {}
    for name in sorted(set(month)):
        here = month == name
        months[str(name)] = {
            "films": int(here.sum()),
            "score": float(score[here].mean()),
            **{b: float((band[here] == b).mean()) for b in Band},
            "matched": int((here & known).sum()),
            "expected": float(score[here & known].mean()) if (here & known).any() else None,
            "found": float(sick[here & known].mean()) if (here & known).any() else None,
            "psi": stability_index(score[here], reference) if reference else None,
        }
    return months


def _scored(path: Path, manifest: Manifest) -> Iterator[Row]:
    if not path.is_file():
        raise UsageError(f"no list {path}: make it with xscan batch")
    for row in _rows(path):
        if not row.priority:
            continue
        if row.model != manifest.label:
            raise UsageError(f"{path.name} was scored by {row.model}, not {manifest.label}: audit each by itself")
        yield row


def _rows(path: Path) -> Iterator[Row]:
    """A list as xscan wrote it, or as a spreadsheet saved it again."""
    with reading(path), path.open("rb") as stream:
        if stream.readline().rstrip(b"\r\n") == HEADER.rstrip(b"\n"):
            stream.seek(0)
            yield from read_rows(stream, called=path.name)
            return
    sheet, rows = read_sheet(path)
    sheet.require(*COLUMNS)
    for line, cells in rows:
        row = Row(*(uncell(cells[name]) for name in COLUMNS))
        row.p_pneumonia = row.p_pneumonia.replace(",", ".")
        if row.priority and not _SCORE.fullmatch(row.p_pneumonia):
            raise UsageError(f"{path.name}, line {line}: p_pneumonia is no number from 0 to 1: use the list as it was")
        yield row


def read_truth(path: Path) -> tuple[str, dict[str, bool]]:
    """The column that names films, and which of them are pneumonia. Raises UsageError."""
    if not path.is_file():
        raise UsageError(f"no file {path}: give a CSV with the columns file and truth")
    sheet, rows = read_sheet(path)
    key = next((k for k in KEYS if k in sheet.columns), None)
    if key is None or "truth" not in sheet.columns:
        raise UsageError(f"{path.name} needs a column truth and one of {', '.join(KEYS)}: {sheet.has}")
    truth: dict[str, bool] = {}
    for line, cells in rows:
        value = _TRUTH.get(bare(cells["truth"]))
        if value is None:
            raise UsageError(f"{path.name}, line {line}: truth is one of {', '.join(CLASSES)}, pneumonia")
        truth[uncell(cells[key].strip())] = value
    return key, truth


def _interval(share: dict[str, float | None]) -> str:
    if share["value"] is None:
        return "-" + " " * 22
    return f"{share['value']:.4f} ({share['low']:.4f} to {share['high']:.4f})"


def _verdict(month: dict[str, Any]) -> str:
    if month["films"] < FEW:
        return "  (few films)"
    if month["psi"] < MOVED:
        return ""
    return "  moved" if month["psi"] < ANOTHER else "  another population"
