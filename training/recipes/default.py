"""The network that ships as `compact`: from labelled films to weights, top to bottom.

    python -m xscan.training.recipes.default DATA --out runs/default

Run again after an interruption, the same command carries on where it stopped. Fold 9 is held out: no step
trains on it, tunes on it or chooses by it; the last run scores it once, for the figures in the docs.

1. Three cross-fitted networks, each trained on two thirds of folds 0 to 8 and scored on the rest:
   OUT/out-of-fold.csv is what the temperature, the operating points and the cross-validated figures come from.
2. The network: the same on all of folds 0 to 8.

Each learns in three lessons. First from labels, on films that exchange what is not anatomy (training/fit/exchange.py):
most steps at 112 pixels, which cost half as much, the rest at the size it ships with. Then on films as they are, 0.7
of each target being the answer of a teacher: an EfficientNet-Lite0 from ImageNet weights that saw the same films, and
them with the same exchanges. What was tried and dropped stands in docs/model-card.md with its figures.
"""

from dataclasses import replace
from pathlib import Path

from ..fit.augment import Augmentation
from ..fit.settings import Settings
from ..fit.train import train
from .common import CHANGED, HELD_OUT, SOFT_LABELS, THIRDS, arguments, gather, in_two_sizes, soft_targets
from .teacher import Teaching, train_teacher

SMALL = Settings(
    architecture="compact",
    size=112,
    epochs=18,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=0.05,
    label_smoothing=0,  # SOFT_LABELS are smooth already
    ema=0.995,
    precision="bfloat16",
    augmentation=CHANGED,
)
LABELLED = replace(SMALL, size=160, epochs=20, learning_rate=1.5e-3)
TAUGHT = replace(
    LABELLED,
    epochs=8,
    learning_rate=1e-3,
    taught=0.7,
    augmentation=Augmentation(rotation=10, scale=0.12, aspect=0.12, gamma=0.4, contrast=0.25, border=0.2, mask=0.3),
)
TEACHER = Teaching(which=0, size=160, epochs=8, augmentation=replace(CHANGED, sharpen=0))


def main() -> None:
    parser = arguments("Train the default network.", "runs/default")
    options, films, small = in_two_sizes(parser, LABELLED.size, SMALL.size)
    out, targets = options.out, soft_targets(films)

    def make(name: str, held: tuple[int, ...], seed: int, teacher: Teaching) -> None:
        def lesson(run: str, settings: Settings, start: str = "", teachers: tuple[Path, ...] = ()) -> None:
            if not options.only or run in options.only:
                own = replace(settings, hold_out=held, seed=seed)
                first = out / start / "final.keras" if start else None
                data = small if settings.size == SMALL.size else films
                train(
                    data, own, out / run,
                    resume=True, verbose=2, targets=targets, start_from=first, teachers=teachers,
                )  # fmt: skip

        lesson(f"{name}-small", SMALL)
        lesson(f"{name}-labelled", LABELLED, start=f"{name}-small")
        taught = out / f"{name}-teacher"
        if not options.only or taught.name in options.only:
            train_teacher(films, SOFT_LABELS, replace(teacher, hold_out=held), taught)
        lesson(name, TAUGHT, start=f"{name}-labelled", teachers=(taught / "teacher.onnx",))

    for third, folds in enumerate(THIRDS):
        make(f"crossfit{third}", (*folds, *HELD_OUT), third, replace(TEACHER, epochs=4, seed=11 + third))
    make("final", HELD_OUT, 10, replace(TEACHER, seed=1))

    gather(out)


if __name__ == "__main__":
    main()
