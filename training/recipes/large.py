"""The network that ships as `large`: from ImageNet weights and labelled films to weights, top to bottom.

    python -m xscan.training.recipes.large DATA --out runs/large

Run again after an interruption, the same command carries on where it stopped. Fold 9 is held out: no step
trains on it, tunes on it or chooses by it; each run scores it once, at its end.

OUT/imagenet.keras is the start: EfficientNet-Lite1 with ImageNet weights and a new last layer. From there the network
on all of folds 0 to 8, and three cross-fitted ones, each trained on two thirds of them and scored on the rest:
OUT/out-of-fold.csv is what the temperature, the operating points and the cross-validated figures come from. All learn
in one lesson, from labels, on films that exchange what is not anatomy (training/fit/exchange.py).

Needs `.[train]` and `.[teachers]`.
"""

from dataclasses import replace

from xscan.engine.dataset.folder import load_folder
from xscan.engine.network.spec import InputSpec

from ..fit.settings import Settings
from ..fit.train import train
from .common import CHANGED, HELD_OUT, THIRDS, arguments, gather, soft_targets
from .imagenet import write_start

SETTINGS = Settings(
    architecture="lite",
    options={"frozen": True},
    size=192,
    epochs=8,
    batch_size=32,
    learning_rate=7e-4,
    weight_decay=0.05,
    warmup=0.08,
    label_smoothing=0,  # SOFT_LABELS are smooth already
    ema=0.995,
    # Its statistics on plain films would call more normal films from elsewhere pneumonia.
    measure_changed=True,
    augmentation=replace(CHANGED, sharpen=0),
)


def main() -> None:
    options = arguments("Train the large network.", "runs/large").parse_args()
    films, out = load_folder(options.data, options.patients), options.out
    films.films[0].require(InputSpec(SETTINGS.size, SETTINGS.size))
    targets = soft_targets(films)
    start = out / "imagenet.keras"
    if not start.exists():
        write_start(start, SETTINGS.size)

    def make(name: str, held: tuple[int, ...], seed: int) -> None:
        if not options.only or name in options.only:
            own = replace(SETTINGS, hold_out=held, seed=seed)
            train(films, own, out / name, resume=True, verbose=2, targets=targets, start_from=start)

    make("final", HELD_OUT, 1)
    for third, folds in enumerate(THIRDS):
        make(f"crossfit{third}", (*folds, *HELD_OUT), 11 + third)

    gather(out)


if __name__ == "__main__":
    main()
