"""Variants of the recipe of versions 1 to 3, side by side on one GPU: what each is worth, cross-validated.

    KERAS_BACKEND=torch python scripts/recipes.py DATA --out runs/recipes [--only NAME ...] [--epochs 2 --size 32]

Each variant is four networks that learn at once, the three cross-fitted ones and the final one of
training/recipes/default.py: some 40 seconds for 50 epochs on an H100, 100 with four teachers. Prints a table; OUT/NAME
holds what `xscan export` needs. Fold 9 is not touched.

Columns: accuracy; ROC AUC of normal against pneumonia; of bacterial against viral; then the first AUC and the share of
normals called pneumonia where the top and the bottom of normals alone are cropped, by 4 and by 8 %.
"""

# Keras says `verbose: str` and is asked for numbers.
# pyright: reportArgumentType=false

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from shortcuts import crop

from xscan.calibration.points.scores import write_scores
from xscan.calibration.statistics.metrics import roc_auc
from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.folder import load_folder
from xscan.engine.network.spec import InputSpec
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.triage.odds import probabilities
from xscan.training.architectures.registry import architecture
from xscan.training.fit.augment import Augmentation
from xscan.training.fit.gpu import Lesson, teach
from xscan.training.fit.record import open_run, update_run
from xscan.training.fit.settings import Settings
from xscan.training.recipes.default import CHANGED, HELD_OUT, THIRDS
from xscan.training.recipes.kinds import SOFT_LABELS

BASE = Settings(
    "compact",
    size=160,
    epochs=50,
    batch_size=64,
    learning_rate=2e-3,
    weight_decay=0.05,
    label_smoothing=0,  # the labels are smooth already
    ema=0.995,
    augmentation=Augmentation(rotation=10, scale=0.12, aspect=0.12, gamma=0.4, contrast=0.25, border=0.2, mask=0.3),
)
WIDE = replace(BASE.augmentation, scale=0.15, aspect=0.25, shift=0.08)
# The kinds' labels, less sure of bacteria than of virus: this hospital's mix of two to one is no property of films.
EVEN_KINDS = np.array([[0.98, 0.01, 0.01], [0.01, 0.83, 0.16], [0.01, 0.07, 0.92]], np.float32)


@dataclass(frozen=True)
class Variant:
    settings: Settings = BASE
    seeds: int = 0  #: added to each network's seed
    labels: np.ndarray = field(default_factory=lambda: EVEN_KINDS)  #: [3, 3], the targets of each class
    teachers: tuple[str, ...] = ()


def trimmed(normal: float, pneumonia: float, augmentation: Augmentation = BASE.augmentation) -> Settings:
    """Up to these shares of the height of normals and of the width of pneumonias are cut off."""
    return replace(BASE, augmentation=augmentation, trim=((normal, 0.0), (0.0, pneumonia), (0.0, pneumonia)))


FOUR = tuple(f"teacher{i}" for i in range(1, 5))
VARIANTS = {
    "plain": Variant(labels=SOFT_LABELS),
    "exchange": Variant(replace(BASE, augmentation=CHANGED), labels=SOFT_LABELS),
    "wide": Variant(replace(BASE, augmentation=WIDE), labels=SOFT_LABELS),
    "trim-half": Variant(trimmed(0.1, 0.1), labels=SOFT_LABELS),
    "trim-normals": Variant(trimmed(0.2, 0.0), labels=SOFT_LABELS),
    "trim-normals-wide": Variant(trimmed(0.2, 0.0, WIDE), labels=SOFT_LABELS),
    "trim-mostly-normals": Variant(trimmed(0.2, 0.1), labels=SOFT_LABELS),
    "trim-both": Variant(trimmed(0.2, 0.2), labels=SOFT_LABELS),
} | {name: Variant(seeds=100 * i) for i, name in enumerate(FOUR, 1)} | {
    "pupil": Variant(replace(BASE, epochs=60), teachers=FOUR),
    "pupil-trim": Variant(replace(trimmed(0.05, 0.05), epochs=60), teachers=FOUR),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/recipes"))
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), help="these variants, teachers before pupils")
    parser.add_argument("--epochs", type=int, help="in place of each variant's own")
    parser.add_argument("--size", type=int, default=BASE.size)
    options = parser.parse_args()
    for place, name in enumerate(options.only):
        if name not in VARIANTS:
            parser.error(f"no variant '{name}': there are {', '.join(VARIANTS)}")
        if missing := set(VARIANTS[name].teachers) - set(options.only[:place]):
            parser.error(f"{name} learns from {', '.join(sorted(missing))}: name them before it")
        if (options.out / name).exists():
            parser.error(f"{options.out / name} holds a run already: choose another --out")
    listed = load_folder(options.data)
    films = listed.folds(fold for third in THIRDS for fold in third)
    with ThreadPoolExecutor() as pool:
        grey = list(pool.map(lambda film: film.grey(), films.films))
    spec = InputSpec(options.size, options.size)
    pictures = {
        share: np.stack([to_input(crop(g, share, share, 0, 0), spec) for g in grey]) for share in (0, 0.04, 0.08)
    }

    networks: dict[str, list[keras.Model]] = {}
    print("| variant | accuracy | AUC | kinds | AUC 4 % | called | AUC 8 % | called | seconds |")
    print("| --- " + "| ---: " * 8 + "|")
    for name in options.only:
        variant = VARIANTS[name]
        settings = replace(variant.settings, size=options.size, epochs=options.epochs or variant.settings.epochs)
        began = time.monotonic()
        teachers = [networks[teacher] for teacher in variant.teachers]
        networks[name] = _train(variant, settings, films, pictures[0], teachers)
        logits = {share: _out_of_fold(networks[name], films, pictures[share]) for share in pictures}
        print(f"| {name} | {_figures(films.labels, logits)} | {time.monotonic() - began:.0f} |", flush=True)
        _write(options.out / name, networks[name][-1], settings, variant, listed, films, logits[0])


def _parts(films: DataSet) -> list[np.ndarray]:
    """Of each of the four networks, the films that it is not trained on."""
    folds = np.array([film.fold for film in films.films])
    return [np.isin(folds, third) for third in (*THIRDS, ())]


def _train(
    variant: Variant, settings: Settings, films: DataSet, pictures: np.ndarray, teachers: list[list[keras.Model]]
) -> list[keras.Model]:
    lessons = []
    for i, (left_out, seed) in enumerate(zip(_parts(films), (0, 1, 2, 10), strict=True)):
        own = replace(settings, seed=seed + variant.seeds)
        keras.utils.set_random_seed(own.seed)
        network = architecture(own.architecture).build(own.size, own.size, own.options)
        rows = np.flatnonzero(~left_out)
        lessons.append(
            Lesson(network, pictures[rows], variant.labels[films.labels[rows]], own, [four[i] for four in teachers])
        )
    teach(lessons)
    return [lesson.network for lesson in lessons]


def _out_of_fold(networks: list[keras.Model], films: DataSet, pictures: np.ndarray) -> np.ndarray:
    """float32 [films, 3]: each film's logits of the network that did not learn from it."""
    logits = np.zeros((len(pictures), len(CLASSES)), np.float32)
    for network, rows in zip(networks[:3], _parts(films), strict=False):
        logits[rows] = network.predict(pictures[rows][..., None], batch_size=512, verbose=0)["logits"]
    return logits


def _figures(labels: np.ndarray, logits: dict[float, np.ndarray]) -> str:
    sick = labels > 0
    p = {share: probabilities(values, 1) for share, values in logits.items()}
    kinds = roc_auc(labels[sick] == 2, logits[0][sick, 2] - logits[0][sick, 1])
    figures = [f"{(p[0].argmax(1) == labels).mean():.4f}", f"{roc_auc(sick, 1 - p[0][:, 0]):.4f}", f"{kinds:.4f}"]
    for share in (0.04, 0.08):
        cropped = np.where(sick, 1 - p[0][:, 0], 1 - p[share][:, 0])
        figures += [f"{roc_auc(sick, cropped):.4f}", f"{100 * (p[share][~sick].argmax(1) > 0).mean():.1f} %"]
    return " | ".join(figures)


def _write(
    out: Path, final: keras.Model, settings: Settings, variant: Variant, listed: DataSet, films: DataSet, logits
) -> None:
    own = replace(settings, seed=10 + variant.seeds, hold_out=HELD_OUT)
    targets = {film.file: variant.labels[film.label] for film in listed.films}
    open_run(out / "final", listed, own, resume=False, targets=targets, start_from=None)
    final.save(out / "final" / "final.keras")
    update_run(out / "final", epochs_done=own.epochs, scored_epochs=own.epochs, finished=True)
    write_scores(out / "out-of-fold.csv", [("validate", films.films, logits)])


if __name__ == "__main__":
    main()
