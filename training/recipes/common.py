"""What the recipes share: arguments, folds, targets, and the films of the lessons from labels."""

import argparse
from pathlib import Path

import numpy as np

from xscan.calibration.points.scores import write_out_of_fold
from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.folder import load_folder
from xscan.engine.network.spec import InputSpec

from ..fit.augment import Augmentation

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


def arguments(description: str, out: str) -> argparse.ArgumentParser:
    """data, --patients, --out and --only."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("data", type=Path, help=f"folder with the folders {', '.join(CLASSES)}, or a packed set")
    parser.add_argument("--patients", type=Path, help="CSV: file,patient,fold; default: DATA.csv")
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--only", nargs="*", help="make these runs now and leave the rest as it is")
    return parser


def in_two_sizes(parser: argparse.ArgumentParser, size: int, small: int) -> tuple[argparse.Namespace, DataSet, DataSet]:
    """With --small: the arguments as they are given, the films, and the same for lessons at the smaller size."""
    parser.add_argument("--small", type=Path, help=f"where DATA is packed at {size}: the same, packed at {small}")
    options = parser.parse_args()
    films = load_folder(options.data, options.patients)
    smaller = load_folder(options.small) if options.small else films
    if smaller.fingerprint != films.fingerprint:
        parser.error("--small holds other films than DATA: pack both from one folder")
    for data, side in ((films, size), (smaller, small)):
        data.films[0].require(InputSpec(side, side))
    return options, films, smaller


def soft_targets(films: DataSet) -> dict[str, np.ndarray]:
    """Of each film by its file, float32 [3]."""
    return {film.file: SOFT_LABELS[film.label] for film in films.films}


def gather(out: Path) -> None:
    """OUT/out-of-fold.csv, once all cross-fits are there: every film of folds 0 to 8, by the network without it."""
    runs = [(out / f"crossfit{third}" / "scores.csv", folds) for third, folds in enumerate(THIRDS)]
    if all(scores.exists() for scores, _ in runs):
        write_out_of_fold(out / "out-of-fold.csv", runs)
