"""The same figures for parts of the films: by size, by source, by age, and by sex where a CSV says it."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xscan.calibration.statistics.intervals import rate
from xscan.calibration.statistics.metrics import roc_auc
from xscan.engine.dataset.films import ListedFilm
from xscan.engine.dataset.parts import part_of
from xscan.engine.dataset.sheet import read_sheet
from xscan.engine.disk.hostile import uncell
from xscan.engine.errors import FileProblem, UnreadableRadiograph
from xscan.engine.find.found import Found

from .scored import ScoredFilms

FEW = 20  #: films under which a group is joined with the other small ones: a rare file name can be a person's
OTHER = "all others"
SIDES = (256, 512, 1024, 2048)  #: pixels of the longer side; a group ends at each
AGES = (1, 6, 18, 65)  #: years; a group begins at each

Columns = dict[str, dict[str, str]]  #: file -> column -> text


def read_columns(path: Path) -> Columns:
    """The CSV of a data set, {} where there is none."""
    if not path.is_file():
        return {}
    return {uncell(row["file"]): row for _, row in read_sheet(path)[1] if row.get("file")}


def subgroups(scored: ScoredFilms, columns: Columns) -> dict[str, list[dict[str, Any]]]:
    """Kind of group (size, source, age, sex) -> its groups, those with films; a kind with one group is left out.

    accuracy: of the three classes; sensitivity, specificity: normal against pneumonia at 0.5; each with its
    95 % Wilson interval, films taken one by one; roc_auc: normal against pneumonia, None where not defined.
    """
    gone = UnreadableRadiograph("vanished", "a score file holds no films")
    films = scored.films or [ListedFilm(Found(str(file), "", problem=gone), "", 0) for file in scored.files]
    kinds: dict[str, Callable[[ListedFilm, dict[str, str]], str]] = {
        "size": _size,
        "source": _source,
        "age": _age,
        "sex": lambda _, row: row.get("sex", "").strip().upper(),
    }
    found = {}
    for kind, name_of in kinds.items():
        names = np.array(_joined([name_of(film, columns.get(film.file, {})) or "unknown" for film in films]))
        if len(set(names)) > 1:
            found[kind] = [_figures(name, scored, names == name) for name in _sorted(names)]
    return found


def _figures(name: str, scored: ScoredFilms, here: np.ndarray) -> dict[str, Any]:
    labels, p = scored.labels[here], scored.p[here]
    sick, called = labels > 0, p[:, 1] + p[:, 2] >= 0.5
    area = roc_auc(sick, p[:, 1] + p[:, 2])
    return {
        "group": name,
        "films": len(labels),
        "patients": len(set(scored.patients[here])),
        "pneumonia": int(sick.sum()),
        "accuracy": rate(int((p.argmax(axis=1) == labels).sum()), len(labels)),
        "sensitivity": rate(int((called & sick).sum()), int(sick.sum())),
        "specificity": rate(int((~called & ~sick).sum()), int((~sick).sum())),
        "roc_auc": None if np.isnan(area) else area,
    }


def _size(film: ListedFilm, row: dict[str, str]) -> str:
    """By the longer side, from the CSV's columns width and height, else from the film itself."""
    try:
        side = max(int(row["width"]), int(row["height"]))
    except (KeyError, ValueError):
        try:
            facts = film.facts()
        except FileProblem:
            return ""
        side = max(facts.rows, facts.columns)
    ends = [end for end in SIDES if side <= end]
    return f"to {ends[0]} pixels" if ends else f"over {SIDES[-1]} pixels"


def _source(film: ListedFilm, row: dict[str, str]) -> str:
    """The CSV's column source, else the folder within the class, else the file name with # for its numbers."""
    if source := row.get("source", "").strip():
        return source
    inner = film.file.split("/")[2 if part_of(film.file) else 1 :]
    if len(inner) > 1:
        return inner[0]
    return re.sub(r"\d+", "#", Path(film.file).stem)


def _age(film: ListedFilm, row: dict[str, str]) -> str:
    """The CSV's column age: years, or DICOM's age string (PS3.5 6.2, AS: 018M)."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([DWMY]?)\s*", row.get("age", ""), re.IGNORECASE)
    if not match:
        return ""
    years = float(match[1]) / {"D": 365.25, "W": 52.18, "M": 12}.get(match[2].upper(), 1)
    after = [age for age in AGES if years < age]
    if not after:
        return f"{AGES[-1]} years or more"
    before = [age for age in AGES if years >= age]
    return f"{before[-1] if before else 0} to under {after[0]} years"


def _joined(names: list[str]) -> list[str]:
    count = Counter(names)
    return [name if count[name] >= FEW or name == "unknown" else OTHER for name in names]


def _sorted(names: np.ndarray) -> list[str]:
    """By the first number in the name, then by name; the joined ones last."""

    def key(name: str) -> tuple[bool, int, bool, str]:
        number = re.search(r"\d+", name)
        return name in (OTHER, "unknown"), int(number[0]) if number else 0, name.startswith("over"), name

    return sorted({str(name) for name in names}, key=key)
