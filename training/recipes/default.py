"""The network that ships as `compact`: from labelled films to weights, top to bottom.

    python -m xscan.training.recipes.default DATA --out runs/default

Run again after an interruption, the same command carries on where it stopped. Fold 9 is held out: no step
trains on it, tunes on it or chooses by it; the last run scores it once, for the figures in the docs.

1. Three teachers, each trained on a third of folds 0 to 8, at a small size.
2. Soft targets: the folder's label mixed with what the teachers say who never saw the film. Bacterial against
   viral is noisily labelled here, and a network that learns such labels by heart learns their mistakes.
3. Three students, each trained on two thirds. The films of the third third are out-of-fold for it and for the
   teacher whose targets it learned: RUN/out-of-fold.csv is what the temperature, the operating points and
   the cross-validated figures come from.
4. The network: the students' settings on folds 0 to 8 with the targets of all teachers.
"""

import argparse
import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.triage import probabilities
from xscan.training.augment import Augmentation
from xscan.training.dataset import DataSet, load_folder
from xscan.training.train import Settings, train

THIRDS = ((0, 1, 2), (3, 4, 5), (6, 7, 8))
HELD_OUT = (9,)

AUGMENTATION = Augmentation(
    rotation=12,
    scale=0.15,
    aspect=0.15,
    shift=0.08,
    gamma=0.5,
    contrast=0.35,
    brightness=0.15,
    noise=8,
    border=0.25,
    mask=0.4,
    shade=0.2,
    sharpen=0.2,
)
TEACHER = Settings(
    architecture="compact",
    size=96,
    epochs=14,
    learning_rate=2e-3,
    weight_decay=0.05,
    label_smoothing=0.1,
    ema=0.995,
    augmentation=AUGMENTATION,
)
STUDENT = replace(TEACHER, size=160, epochs=14, label_smoothing=0.03, seed=10)
FINAL = replace(STUDENT, epochs=24, hold_out=HELD_OUT, seed=20)
TEACHERS_SHARE = 0.6  #: of a soft target; the rest is the folder's label


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the default network.")
    parser.add_argument("data", type=Path, help="folder with a folder a class")
    parser.add_argument("--patients", type=Path, help="CSV: file,patient,fold; default: DATA.csv")
    parser.add_argument("--out", type=Path, default=Path("runs/default"))
    options = parser.parse_args()
    films, out = load_folder(options.data, options.patients), options.out

    for third in range(3):
        others = [f for i, folds in enumerate(THIRDS) if i != third for f in folds]
        settings = replace(TEACHER, hold_out=(*others, *HELD_OUT), seed=third)
        train(films, settings, out / f"teacher{third}", resume=True, verbose=2)

    for third, folds in enumerate(THIRDS):
        settings = replace(STUDENT, hold_out=(*folds, *HELD_OUT), seed=STUDENT.seed + third)
        teachers = [out / f"teacher{i}" for i in range(3) if i != third]
        targets = soft_targets(films, teachers)
        train(films, settings, out / f"student{third}", resume=True, verbose=2, targets=targets)
    write_out_of_fold(out)

    targets = soft_targets(films, [out / f"teacher{i}" for i in range(3)])
    train(films, FINAL, out / "final", resume=True, verbose=2, targets=targets)


def soft_targets(films: DataSet, teachers: Iterable[Path]) -> dict[str, np.ndarray]:
    """Probabilities [3] by file, for every film that one of the teachers was not trained on."""
    said: dict[str, list[np.ndarray]] = {}
    for teacher in teachers:
        for row in read_rows(teacher / "scores.csv"):
            logits = np.array([[float(row[f"logit_{name}"]) for name in CLASSES]])
            said.setdefault(row["file"], []).append(probabilities(logits, 1)[0])
    given = {film.file: np.eye(len(CLASSES))[film.label] for film in films.films}
    return {
        file: (1 - TEACHERS_SHARE) * given[file] + TEACHERS_SHARE * np.mean(views, axis=0)
        for file, views in said.items()
    }


def write_out_of_fold(out: Path) -> None:
    """Every film of folds 0 to 8 once, scored by the student that did not see it."""
    rows = []
    for third, folds in enumerate(THIRDS):
        scored = read_rows(out / f"student{third}" / "scores.csv")
        rows += [row | {"part": "validate"} for row in scored if int(row["fold"]) in folds]
    with (out / "out-of-fold.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda r: r["file"]))


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    main()
