"""A candidate for the network that ships: films exchange what is not anatomy, and a larger network teaches.

    python -m xscan.training.recipes.exchange DATA --out runs/exchange

Run again after an interruption, the same command carries on where it stopped. Fold 9 is held out: no step
trains on it, tunes on it or chooses by it.

1. A teacher for each third of folds 0 to 8, which does not see it, and one for all of these folds:
   EfficientNet-Lite0, from ImageNet weights. Pretraining helps most to tell normal films from pneumonia elsewhere.
2. Three cross-fitted networks, each trained on two thirds, with their own teacher, and scored on the rest:
   OUT/out-of-fold.csv is what the temperature, the operating points and the cross-validated figures come from.
3. The network, on all of folds 0 to 8.

Each learns from labels first, and then from its teacher, on films that exchange what is not anatomy
(training/fit/exchange.py). What this is worth, and why it does not ship yet, stands in docs/model-card.md.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from xscan.calibration.points.scores import write_out_of_fold
from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.engine.network.spec import InputSpec

from ..fit.augment import Augmentation
from ..fit.settings import Settings
from ..fit.train import train
from .default import HELD_OUT, SOFT_LABELS, THIRDS
from .teacher import Teaching, train_teacher

CHANGED = Augmentation(
    rotation=8,
    scale=0,
    aspect=0,
    shift=0,
    crop=(0.7, 1.08),  # in place of scale, aspect and shift
    levels=0.6,
    spectrum=0.5,
    corner=0.3,
    jpeg=0.15,
    border=0.2,
    mask=0.3,
)
LABELLED = Settings(
    architecture="compact",
    size=160,
    epochs=24,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=0.05,
    label_smoothing=0,  # SOFT_LABELS are smooth already
    ema=0.995,
    precision="bfloat16",
    augmentation=CHANGED,
)
TAUGHT = replace(LABELLED, epochs=6, learning_rate=1e-3, taught=0.7)
TEACHER = Teaching(which=0, size=160, epochs=8, augmentation=CHANGED)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a candidate for the default network.")
    parser.add_argument("data", type=Path, help=f"folder with the folders {', '.join(CLASSES)}, or a packed set")
    parser.add_argument("--patients", type=Path, help="CSV: file,patient,fold; default: DATA.csv")
    parser.add_argument("--out", type=Path, default=Path("runs/exchange"))
    parser.add_argument("--only", nargs="*", help="make these runs and their teachers, and leave the rest as it is")
    options = parser.parse_args()
    films, out = load_folder(options.data, options.patients), options.out
    films.films[0].require(InputSpec(LABELLED.size, LABELLED.size))
    targets = {film.file: SOFT_LABELS[film.label] for film in films.films}

    def make(name: str, teaching: Teaching, labelled: Settings, taught: Settings) -> None:
        if not options.only or name in options.only:
            teacher = train_teacher(films, SOFT_LABELS, teaching, out / f"{name}-teacher")
            first = out / f"{name}-labelled"
            train(films, labelled, first, resume=True, verbose=2, targets=targets)
            last = {"start_from": first / "final.keras", "teachers": [teacher]}
            train(films, taught, out / name, resume=True, verbose=2, targets=targets, **last)

    for third, folds in enumerate(THIRDS):
        held = (*folds, *HELD_OUT)
        teaching = replace(TEACHER, hold_out=held, seed=11 + third)
        own = {"hold_out": held, "seed": third}
        make(f"crossfit{third}", teaching, replace(LABELLED, **own), replace(TAUGHT, **own))
    own = {"hold_out": HELD_OUT, "seed": 10}
    make("final", replace(TEACHER, hold_out=HELD_OUT, seed=1), replace(LABELLED, **own), replace(TAUGHT, **own))

    if all((out / f"crossfit{third}" / "scores.csv").exists() for third in range(len(THIRDS))):
        runs = [(out / f"crossfit{third}" / "scores.csv", folds) for third, folds in enumerate(THIRDS)]
        # Every film of folds 0 to 8 once, scored by the network that did not see it.
        write_out_of_fold(out / "out-of-fold.csv", runs)


if __name__ == "__main__":
    main()
