"""What a data set holds, and what is wrong with it: the figures of `xscan data describe`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.parts import FOLD_OF

from ..pages.tables import aligned_by_kind
from .copies import Copies, find_copies
from .shortcuts import VARIABLES, Shortcuts, find_shortcuts, variables
from .survey import Survey

QUARTILES = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Description:
    survey: Survey
    copies: Copies
    shortcuts: Shortcuts
    parts: tuple[str, ...]  #: of each film; '' where a split file does not place it
    figures: dict[str, Any]  #: what --json prints

    @property
    def warnings(self) -> list[str]:
        return self.figures["warnings"]

    def as_text(self) -> str:
        f = self.figures
        lines = [f"{f['films']} films of {f['patients']['number']} patients, {len(f['unreadable'])} unreadable", ""]
        lines += aligned_by_kind(class_table(f))
        lines += ["", *aligned_by_kind(split_table(f))]
        lines += ["", *aligned_by_kind(measure_table(f)), ""]
        lines.append(f"sizes     {common_sizes(f)}")
        lines.append("bits      " + ", ".join(f"{n} films of {bits}" for bits, n in f["bits"].items()))
        lines += [f"{name:<10}{text}" for name, text in findings(f)]
        lines += ["", *aligned_by_kind(shortcut_table(f))]
        if f["warnings"]:
            lines += ["", *(f"warning: {text}" for text in f["warnings"])]
        return "\n".join(lines)


def describe(data: DataSet, survey: Survey, split: Mapping[str, str] | None = None) -> Description:
    """The figures of a data set. split: file -> part, described in place of its folds or parts. Needs scikit-learn."""
    films, labels = survey.films, survey.labels
    own = {fold: part for part, fold in FOLD_OF.items()} if data.in_parts else {}
    parts = tuple(own.get(f.fold or 0, f"fold {f.fold}") if split is None else split.get(f.file, "") for f in films)
    copies, shortcuts = find_copies(survey), find_shortcuts(survey)
    counts = np.bincount(labels, minlength=len(CLASSES))
    rows, columns = survey.facts[:, 0], survey.facts[:, 1]
    sizes = Counter(zip(columns.tolist(), rows.tolist(), strict=True))
    by_part = defaultdict(Counter)
    for part, label in zip(parts, labels, strict=True):
        by_part[part or "no part"][CLASSES[label]] += 1
    figures: dict[str, Any] = {
        "data": data.fingerprint,
        "films": len(films),
        "unreadable": survey.unreadable,
        "classes": {
            name: {
                "films": int(counts[label]),
                "share": round(float(counts[label] / len(films)), 4),
                "patients": len({f.patient for f in films if f.label == label}),
            }
            for label, name in enumerate(CLASSES)
        },
        "split": {
            "by": "split file" if split is not None else "parts" if own else "folds",
            "parts": {part: {name: by_part[part][name] for name in CLASSES} for part in sorted(by_part)},
        },
        "measures": _measures(survey),
        "sizes": {
            "distinct": len(sizes),
            "most_frequent": [{"width": w, "height": h, "films": n} for (w, h), n in sizes.most_common(5)],
        },
        "bits": {str(bits): n for bits, n in sorted(Counter(survey.facts[:, 3].tolist()).items())},
        "patients": _patients(survey, parts),
        "copies": {
            "exact": _copies(survey, parts, copies.exact),
            "near": _copies(survey, parts, [(i, j) for i, j, _ in copies.near]),
        },
        "shortcuts": shortcuts.as_dict(),
    }
    figures["warnings"] = [*_warnings(figures), *shortcuts.warnings]
    return Description(survey, copies, shortcuts, parts, figures)


def class_table(figures: dict[str, Any]) -> list[list[str]]:
    """The study's first table: films and share by class."""
    rows = [["class", "films", "share", "patients"]]
    for name, of in figures["classes"].items():
        rows.append([name, f"{of['films']}", f"{of['share']:.1%}", f"{of['patients']}"])
    return [*rows, ["all", f"{figures['films']}", "100.0%", f"{figures['patients']['number']}"]]


def split_table(figures: dict[str, Any]) -> list[list[str]]:
    """The study's second table: films by class and part."""
    rows = [["part", *CLASSES, "all", "share"]]
    for part, of in figures["split"]["parts"].items():
        total = sum(of.values())
        rows.append([part, *(f"{of[name]}" for name in CLASSES), f"{total}", f"{total / figures['films']:.1%}"])
    return rows


def measure_table(figures: dict[str, Any]) -> list[list[str]]:
    """Smallest, quartiles and largest of each measure, by class."""
    rows = [["measure", "class", "least", "25 %", "median", "75 %", "most"]]
    for measure, of in figures["measures"].items():
        rows += [[measure, name, *map(_number, values)] for name, values in of.items()]
    return rows


def shortcut_table(figures: dict[str, Any]) -> list[list[str]]:
    """How well each question is answered without looking at the picture."""
    auc, alone = figures["shortcuts"]["auc"], figures["shortcuts"]["alone"]
    rows = [["told without the picture", "AUC", "best variable", "its AUC"]]
    for question, value in auc.items():
        best = max(alone[question], key=alone[question].__getitem__)
        rows.append([question, f"{value:.3f}", best, f"{alone[question][best]:.3f}"])
    return rows if auc else [*rows, ["too few patients of a class to measure", "", "", ""]]


def findings(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """A line on patients and one on each kind of copies."""
    who, exact, near = figures["patients"], figures["copies"]["exact"], figures["copies"]["near"]
    return [
        (
            "patients",
            f"{who['with_several_films']} have several films, at most {who['most_films']}; "
            f"{who['of_two_classes']} stand in two classes, {who['of_two_parts']} in two parts",
        ),
        ("copies", f"{exact['groups']} groups of byte-identical files, {exact['films']} films{_torn(exact)}"),
        (
            "alike",
            f"{near['groups']} pairs of near copies{_torn(near)}",
        ),
    ]


def common_sizes(figures: dict[str, Any]) -> str:
    """The frequent sizes; none where every film has its own."""
    frequent = [s for s in figures["sizes"]["most_frequent"][:3] if s["films"] > 1]
    told = ", ".join(f"{s['width']} x {s['height']} ({s['films']} films)" for s in frequent)
    return f"{figures['sizes']['distinct']} distinct" + (f"; most frequent {told}" if told else "")


def _measures(survey: Survey) -> dict[str, dict[str, list[float]]]:
    named = dict(zip(VARIABLES, variables(survey).T, strict=True)) | {"contrast": survey.spread}
    del named["pixels"]
    return {
        measure: {
            name: [round(float(x), 4) for x in np.percentile(values[survey.labels == label], QUARTILES)]
            for label, name in enumerate(CLASSES)
            if (survey.labels == label).any()
        }
        for measure, values in named.items()
    }


def _patients(survey: Survey, parts: Sequence[str]) -> dict[str, int]:
    films: dict[str, list[int]] = defaultdict(list)
    for i, film in enumerate(survey.films):
        films[film.patient].append(i)
    return {
        "number": len(films),
        "with_several_films": sum(len(of) > 1 for of in films.values()),
        "most_films": max(map(len, films.values())),
        "of_two_classes": sum(len({survey.films[i].label for i in of}) > 1 for of in films.values()),
        "of_two_parts": sum(len({parts[i] for i in of} - {""}) > 1 for of in films.values()),
    }


def _copies(survey: Survey, parts: Sequence[str], groups: Iterable[Sequence[int]]) -> dict[str, Any]:
    groups = list(groups)
    films = survey.films
    torn = {
        "of_two_classes": [g for g in groups if len({films[i].label for i in g}) > 1],
        "of_two_patients": [g for g in groups if len({films[i].patient for i in g}) > 1],
        "of_two_parts": [g for g in groups if len({parts[i] for i in g} - {""}) > 1],
    }
    return {
        "groups": len(groups),
        "films": len({i for group in groups for i in group}),
        **{key: len(of) for key, of in torn.items()},
        "files": [[films[i].file for i in group] for group in groups],
        "label_conflicts": [[films[i].file for i in group] for group in torn["of_two_classes"]],
    }


def _number(x: float) -> str:
    return f"{x:.0f}" if x >= 1000 else f"{x:.4g}"


def _torn(of: dict[str, Any]) -> str:
    classes, patients, parts = (of[f"of_two_{what}"] for what in ("classes", "patients", "parts"))
    if not of["groups"]:
        return ""
    return f"; {classes} in two classes, {patients} of two patients, {parts} in two parts"


def _warnings(f: dict[str, Any]) -> list[str]:
    exact, near, lines = f["copies"]["exact"], f["copies"]["near"], []
    if f["unreadable"]:
        lines.append(f"{len(f['unreadable'])} files cannot be read (listed with --json and on the page)")
    lines += [f"no film of class {name} can be read" for name, of in f["classes"].items() if not of["films"]]
    if conflicts := len(exact["label_conflicts"]) + len(near["label_conflicts"]):
        lines.append(f"{conflicts} copies stand under two labels: one of the two is wrong (listed with --json)")
    torn = {"patients": f["patients"]["of_two_parts"], "copies": exact["of_two_parts"] + near["of_two_parts"]}
    if leaks := " and ".join(f"{count} {what}" for what, count in torn.items() if count):
        lines.append(
            f"{leaks} in two parts of the split: figures on one part flatter a model that trained on the other "
            "(xscan data split keeps them together)"
        )
    return lines
