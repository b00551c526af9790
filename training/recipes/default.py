"""The network that ships as `compact`: from ImageNet weights and labelled films to weights, top to bottom.

    python -m xscan.training.recipes.default DATA --out runs/default

Run again after an interruption it carries on where it stopped. Fold 9 is held out: no step trains on it; each run
scores it once, at its end. Folds 0 to 8 are taken in three thirds.

1. OUT/imagenet.keras: the start, ImageNet weights and a new last layer.
2. OUT/guide0 to guide12: networks that learn labels, of the thirds that they are named after, and score the rest.
3. OUT/final-first, of all thirds, and crossfit0-first to crossfit2-first, each of two: 24 epochs. The kinds of
   pneumonia lean to what guides say: each third's films are asked of the guide that learnt the network's other thirds.
4. OUT/final, crossfit0 to crossfit2: 5 epochs more, of sharpened and compressed films, for some devices sharpen films
   and some exports compress them hard; then the mean of these weights and of those before.
5. OUT/out-of-fold.csv: every film of folds 0 to 8 once, scored by the cross-fitted network that did not see it, nor did
   any of its guides. The temperature, the operating points and the cross-validated figures come from it.

All learn on films that exchange what is not anatomy (training/fit/exchange.py). Needs `.[train]` and `.[imagenet]`.
What was tried and dropped stands in docs/model-card.md with its figures.
"""

import argparse
from collections.abc import Mapping
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
from .imagenet import write_start
from .kinds import from_labels, leaning

THIRDS = ((0, 1, 2), (3, 4, 5), (6, 7, 8))
HELD_OUT = (9,)
# By the thirds that they learn: name and seed.
GUIDES = {
    (0,): ("guide0", 21),
    (1,): ("guide1", 22),
    (2,): ("guide2", 23),
    (0, 1): ("guide01", 13),
    (0, 2): ("guide02", 12),
    (1, 2): ("guide12", 11),
}
NETWORKS = {
    (0, 1, 2): ("final", 1),
    (1, 2): ("crossfit0", 11),
    (0, 2): ("crossfit1", 12),
    (0, 1): ("crossfit2", 13),
}

CHANGED = Augmentation(
    rotation=8,
    scale=0,
    aspect=0,
    shift=0,
    crop=(0.7, 1.08),  # in place of scale, aspect and shift
    jpeg=0.15,
    border=0.2,
    mask=0.3,
    sharpen=0.25,
    levels=0.6,
    spectrum=0.5,
    corner=0.3,
)
FIRST = Settings(
    architecture="lite_c4",
    options={"frozen": True},
    size=128,
    epochs=24,
    batch_size=32,
    learning_rate=7e-4,
    weight_decay=0.05,
    warmup=0.08,
    label_smoothing=0,  # the targets are smooth already
    hidden=0.25,
    ema=0.995,
    # Its statistics on plain films would call more normal films from elsewhere pneumonia.
    measure_changed=True,
    augmentation=replace(CHANGED, sharpen=0),
)
LAST = replace(FIRST, epochs=5, learning_rate=3e-4, kept=0.5, augmentation=replace(CHANGED, jpeg=0.6))


def guides_of(learns: tuple[int, ...]) -> dict[tuple[int, ...], int]:
    """Of a network that learns these thirds: what each guide learnt, and the third that it is asked of."""
    return {tuple(other for other in learns if other != third): third for third in learns}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help=f"folder with the folders {', '.join(CLASSES)}, or a packed set")
    parser.add_argument("--patients", type=Path, help="CSV: file,patient,fold; default: DATA.csv")
    parser.add_argument("--out", type=Path, default=Path("runs/default"))
    parser.add_argument("--only", nargs="*", help="make these runs now and leave the rest as it is")
    options = parser.parse_args()
    out: Path = options.out
    networks = [name for name, _ in NETWORKS.values()]
    runs = [name for name, _ in GUIDES.values()] + [name + step for name in networks for step in ("-first", "")]
    if unknown := set(options.only or ()) - set(runs):
        parser.error(f"no run {', '.join(sorted(unknown))}: there are {', '.join(runs)}")
    films = load_folder(options.data, options.patients)
    films.films[0].require(InputSpec(FIRST.size, FIRST.size))
    start = out / "imagenet.keras"
    if not start.exists():
        write_start(start, FIRST.size)

    def asked(name: str) -> bool:
        return not options.only or name in options.only

    def require(name: str, *others: str) -> None:
        for other in others:
            if not (out / other / "scores.csv").exists():
                parser.error(f"{name} needs {other}, which is not finished: make that first")

    def make(name: str, settings: Settings, learns: tuple[int, ...], targets: Mapping[str, np.ndarray], begin: Path):
        held = [fold for third, folds in enumerate(THIRDS) if third not in learns for fold in folds]
        own = replace(settings, hold_out=(*held, *HELD_OUT))
        train(films, own, out / name, resume=True, verbose=2, targets=targets, start_from=begin)

    for learns, (name, seed) in GUIDES.items():
        if asked(name):
            make(name, replace(FIRST, seed=seed), learns, from_labels(films), start)
    for learns, (name, seed) in NETWORKS.items():
        first = f"{name}-first"
        if not asked(first) and not asked(name):
            continue
        guides = {GUIDES[taught][0]: THIRDS[third] for taught, third in guides_of(learns).items()}
        require(first if asked(first) else name, *guides)
        targets = leaning(films, [(out / guide / "scores.csv", folds) for guide, folds in guides.items()])
        if asked(first):
            make(first, replace(FIRST, seed=seed), learns, targets, start)
        if asked(name):
            require(name, first)
            make(name, replace(LAST, seed=seed + 100), learns, targets, out / first / "final.keras")

    scores = [(out / f"crossfit{third}" / "scores.csv", folds) for third, folds in enumerate(THIRDS)]
    if all(file.exists() for file, _ in scores):
        write_out_of_fold(out / "out-of-fold.csv", scores)


if __name__ == "__main__":
    main()
