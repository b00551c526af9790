"""The network that ships as `compact`: from labelled films to weights, top to bottom.

    python -m xscan.training.recipes.default DATA --out runs/default

Run again after an interruption, the same command carries on where it stopped. Fold 9 is held out: no step
trains on it, tunes on it or chooses by it; the last run scores it once, for the figures in the docs.

1. Three cross-fitted networks, each trained on two thirds of folds 0 to 8 and scored on the rest:
   OUT/out-of-fold.csv is what the temperature, the operating points and the cross-validated figures come from.
2. The network: the same on all of folds 0 to 8.

Each is trained in two runs: most of its steps at 112 pixels, which cost half as much, the rest at the size it
ships with. What was tried and dropped stands in docs/model-card.md with its figures.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from xscan.calibration.points.scores import write_out_of_fold
from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.engine.network.spec import InputSpec

from ..fit.augment import Augmentation
from ..fit.settings import Settings
from ..fit.train import train

THIRDS = ((0, 1, 2), (3, 4, 5), (6, 7, 8))
HELD_OUT = (9,)

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
SMALL = Settings(
    architecture="compact",
    size=112,
    epochs=22,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=0.05,
    label_smoothing=0,  # SOFT_LABELS are smooth already
    ema=0.995,
    augmentation=Augmentation(border=0.15, mask=0.25),
)
FULL = replace(
    SMALL,
    size=160,
    epochs=28,
    learning_rate=1e-3,
    augmentation=Augmentation(rotation=10, scale=0.12, aspect=0.12, gamma=0.4, contrast=0.25, border=0.2, mask=0.3),
)
FINAL = {"hold_out": HELD_OUT, "seed": 10}


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the default network.")
    parser.add_argument("data", type=Path, help=f"folder with the folders {', '.join(CLASSES)}, or a packed set")
    parser.add_argument(
        "--small", type=Path, help=f"where DATA is packed at {FULL.size}: the same, packed at {SMALL.size}"
    )
    parser.add_argument("--patients", type=Path, help="CSV: file,patient,fold; default: DATA.csv")
    parser.add_argument("--out", type=Path, default=Path("runs/default"))
    parser.add_argument("--only", nargs="*", help="make these runs now and leave the rest as it is")
    options = parser.parse_args()
    films, out = load_folder(options.data, options.patients), options.out
    small = load_folder(options.small) if options.small else films
    if small.fingerprint != films.fingerprint:
        parser.error("--small holds other films than DATA: pack both from one folder")
    for data, settings in ((films, FULL), (small, SMALL)):
        data.films[0].require(InputSpec(settings.size, settings.size))
    targets = {film.file: SOFT_LABELS[film.label] for film in films.films}

    def make(name: str, settings: Settings, start: str = "") -> None:
        if not options.only or name in options.only:
            first = out / start / "final.keras" if start else None
            data = small if settings.size == SMALL.size else films
            train(data, settings, out / name, resume=True, verbose=2, targets=targets, start_from=first)

    for third, folds in enumerate(THIRDS):
        own = {"hold_out": (*folds, *HELD_OUT), "seed": third}
        make(f"crossfit{third}-small", replace(SMALL, **own))
        make(f"crossfit{third}", replace(FULL, **own), start=f"crossfit{third}-small")
    make("final-small", replace(SMALL, **FINAL))
    make("final", replace(FULL, **FINAL), start="final-small")

    if all((out / f"crossfit{third}" / "scores.csv").exists() for third in range(len(THIRDS))):
        runs = [(out / f"crossfit{third}" / "scores.csv", folds) for third, folds in enumerate(THIRDS)]
        # Every film of folds 0 to 8 once, scored by the network that did not see it.
        write_out_of_fold(out / "out-of-fold.csv", runs)


if __name__ == "__main__":
    main()
