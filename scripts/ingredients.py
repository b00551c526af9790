"""What is each exchange of what is not anatomy worth, alone? Inside, on folds that are held out, and elsewhere.

    python scripts/ingredients.py DATA ELSEWHERE --out runs/ingredients [--only NAME ...] [--size 112 --epochs 10]

Each network is `compact` of one lesson, trained on the folds that are left; fold 9 is not touched. Runs go on where
they were interrupted. Prints a table: on the held-out folds, then on the films from elsewhere, accuracy of three
classes, ROC AUC of normal against pneumonia, and the share of normals called pneumonia by the most probable class.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from xscan.calibration.statistics.metrics import roc_auc
from xscan.engine.dataset.films import DataSet, read_inputs
from xscan.engine.dataset.folder import load_folder
from xscan.engine.network.spec import InputSpec
from xscan.engine.triage.odds import probabilities
from xscan.training.fit.augment import Augmentation
from xscan.training.fit.settings import Settings
from xscan.training.fit.train import logits_of, train
from xscan.training.recipes.default import CHANGED, HELD_OUT, THIRDS
from xscan.training.recipes.kinds import SOFT_LABELS

NONE = replace(CHANGED, sharpen=0, levels=0, spectrum=0, corner=0)  # windows alone
VARIANTS: dict[str, Augmentation] = {
    "films as they are": Augmentation(
        rotation=10, scale=0.12, aspect=0.12, gamma=0.4, contrast=0.25, border=0.2, mask=0.3
    ),
    "windows": NONE,
    "windows and sharpening": replace(NONE, sharpen=CHANGED.sharpen),
    "windows and corners": replace(NONE, corner=CHANGED.corner),
    "windows and grey levels": replace(NONE, levels=CHANGED.levels),
    "windows and low frequencies": replace(NONE, spectrum=CHANGED.spectrum),
    "all of them": CHANGED,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("elsewhere", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/ingredients"))
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    films, elsewhere = load_folder(options.data), load_folder(options.elsewhere)
    targets = {film.file: SOFT_LABELS[film.label] for film in films.films}
    base = Settings(
        "compact", size=options.size, epochs=options.epochs, seed=options.seed, hold_out=(*THIRDS[0], *HELD_OUT),
        learning_rate=2e-3, weight_decay=0.05, label_smoothing=0, ema=0.995,
    )  # fmt: skip
    shown = [(part, _pictures(part, base)) for part in (films.folds(THIRDS[0]), elsewhere)]
    print("| films in training | accuracy | AUC | called | elsewhere: accuracy | AUC | called |")
    print("| --- " + "| ---: " * 6 + "|")
    for name in options.only:
        run = options.out / f"{name.replace(' ', '-')}-{options.seed}"
        train(films, replace(base, augmentation=VARIANTS[name]), run, resume=True, verbose=0, targets=targets)
        network: Any = keras.saving.load_model(run / "final.keras", compile=False)
        cells = [_figures(part, logits_of(network, pictures)) for part, pictures in shown]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _pictures(part: DataSet, settings: Settings) -> np.ndarray:
    pictures, readable = read_inputs(part, InputSpec(settings.size, settings.size))
    if not readable.all():
        raise SystemExit(f"{(~readable).sum()} films cannot be read")
    return pictures


def _figures(part: DataSet, logits: np.ndarray) -> str:
    p, sick = probabilities(logits, 1), part.labels > 0
    called = (p[~sick].argmax(1) > 0).mean()
    return f"{(p.argmax(1) == part.labels).mean():.3f} | {roc_auc(sick, 1 - p[:, 0]):.4f} | {called:.3f}"


if __name__ == "__main__":
    main()
