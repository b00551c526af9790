"""The network that ships as `compact`: from labelled films to weights, top to bottom.

    python -m xscan.training.recipes.default DATA --out runs/default

Needs PyTorch (pip install 'xscan[train-torch]'), and a GPU to end soon. Run again after an interruption, the same
command goes on with the networks that are missing. Fold 9 is held out: no step trains on it, tunes on it or chooses
by it.

Four networks of one recipe: one on folds 0 to 8, which ships, and three cross-fitted ones, each on two thirds of
folds 0 to 8 and scored on the rest. OUT/out-of-fold.csv is what the temperature, the operating points and the
cross-validated figures come from. What was tried and dropped stands in docs/model-card.md with its figures.
"""

import argparse
import csv
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.dataset import FOLDS, load_folder, read_inputs
from xscan.engine.errors import DataSetError
from xscan.engine.spec import InputSpec
from xscan.training.augment import Augmentation
from xscan.training.device import Lesson, teach
from xscan.training.runs import open_run, update_run
from xscan.training.settings import Settings
from xscan.training.train import write_scores

HELD_OUT = (9,)
#: run folder: the folds that it is scored on besides, and not trained on
RUNS = {"crossfit0": (0, 1, 2), "crossfit1": (3, 4, 5), "crossfit2": (6, 7, 8), "final": ()}

# Normal against pneumonia is well labelled in these films, bacterial against viral is not: only there does a
# network that is sure of its label learn mistakes. Rows and columns in the order of CLASSES.
SOFT_LABELS = np.array(
    [
        [0.98, 0.01, 0.01],
        [0.01, 0.87, 0.12],
        [0.01, 0.12, 0.87],
    ],
    np.float32,
)
SETTINGS = Settings(
    architecture="compact",
    size=160,
    epochs=50,
    batch_size=64,
    learning_rate=2e-3,
    weight_decay=0.05,
    label_smoothing=0,  # SOFT_LABELS are smooth already
    ema=0.995,
    augmentation=Augmentation(
        rotation=10, scale=0.12, aspect=0.12, gamma=0.4, contrast=0.25, border=0.2, mask=0.3
    ),
    seed=1,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the default network.")
    parser.add_argument("data", type=Path, help=f"folder with the folders {', '.join(CLASSES)}, or a packed set")
    parser.add_argument("--patients", type=Path, help="CSV: file,patient,fold; default: DATA.csv")
    parser.add_argument("--out", type=Path, default=Path("runs/default"))
    options = parser.parse_args()
    data, out = load_folder(options.data, options.patients), options.out
    spec = InputSpec(SETTINGS.size, SETTINGS.size)
    films = data.folds(f for f in range(FOLDS) if f not in HELD_OUT)
    pictures, readable = read_inputs(films, spec)
    if not readable.all():
        raise DataSetError("some films cannot be read: the recipe needs them all")
    folds = np.array([film.fold for film in films.films])

    lessons = {}
    for name, scored in RUNS.items():
        settings = replace(SETTINGS, hold_out=(*scored, *HELD_OUT))
        if open_run(out / name, data, settings, resume=True, targets=None, start_from=None) is not None:
            rows = np.flatnonzero(~np.isin(folds, scored))
            lessons[out / name] = Lesson(settings, rows, SOFT_LABELS[films.labels[rows]])
    teach(list(lessons.values()), pictures)
    for run, lesson in lessons.items():
        lesson.network.save(run / "final.keras")
        write_scores(run / "scores.csv", lesson.network, data, lesson.settings, spec)
        lines = [f"{epoch},{loss:.5f}\n" for epoch, loss in enumerate(lesson.losses)]
        (run / "history.csv").write_text("epoch,loss\n" + "".join(lines), encoding="utf-8")
        update_run(run, epochs_done=SETTINGS.epochs, scored_epochs=SETTINGS.epochs, finished=True)
    write_out_of_fold(out)


def write_out_of_fold(out: Path) -> None:
    """Every film of folds 0 to 8 once, scored by the network that did not see it."""
    rows = []
    for name, folds in RUNS.items():
        with (out / name / "scores.csv").open(newline="", encoding="utf-8") as stream:
            rows += [row | {"part": "validate"} for row in csv.DictReader(stream) if int(row["fold"]) in folds]
    with (out / "out-of-fold.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["file"]))


if __name__ == "__main__":
    main()
