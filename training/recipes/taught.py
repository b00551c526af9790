"""A candidate for `compact` that `large` teaches, not shipped: from labelled films to weights, top to bottom.

    python -m xscan.training.recipes.large DATA --out runs/large
    python -m xscan.training.recipes.taught DATA --large runs/large --out runs/taught

docs/model-card.md says what it is worth: fewer normals from elsewhere are called pneumonia and its class maps lie on
the chest, but cross-validated it loses more than was allowed.

Run again after an interruption, the same command carries on where it stopped. Fold 9 is held out: no step
trains on it, tunes on it or chooses by it; each run scores it once, at its end.

1. The network, on all of folds 0 to 8.
2. Three cross-fitted networks, each trained on two thirds of folds 0 to 8 and scored on the rest:
   OUT/out-of-fold.csv is what the temperature, the operating points and the cross-validated figures come from.

Each learns in three lessons. First from labels, at 112 pixels, which cost half as much, on films that exchange what
is not anatomy (training/fit/exchange.py). Then, at 160 pixels and on films that exchange, 0.9 of each
target is the answer of the network of `large` that was trained on the same films, and its class maps are learned as
well. In the end on films as they are, from that teacher alone; of half of them it sees a part, and learns the evidence
of that part (training/fit/hidden.py). Films as they are teach again how films of a class are made: so half of what
is kept are the weights that this lesson began with, in the mean.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import keras

from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replace_bytes

from ..export import convert
from ..fit.augment import Augmentation
from ..fit.settings import Settings
from ..fit.train import train
from .common import CHANGED, HELD_OUT, THIRDS, arguments, gather, in_two_sizes, soft_targets

LABELLED = Settings(
    architecture="compact",
    size=112,
    epochs=16,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=0.05,
    label_smoothing=0,  # SOFT_LABELS are smooth already
    ema=0.995,
    augmentation=CHANGED,
)
TAUGHT = replace(LABELLED, size=160, epochs=16, learning_rate=2e-3, taught=0.9, taught_maps=0.05)
LAST = replace(
    TAUGHT,
    epochs=8,
    learning_rate=1e-3,
    taught=1,
    hidden=0.5,
    kept=0.5,
    measure_changed=True,
    augmentation=Augmentation(rotation=10, scale=0.12, aspect=0.12, gamma=0.4, contrast=0.25, border=0.2, mask=0.3),
)


def main() -> None:
    parser = arguments("Train a candidate for the default network.", "runs/taught")
    parser.add_argument("--large", type=Path, default=Path("runs/large"), help="what recipes.large made: the teachers")
    options, films, small = in_two_sizes(parser, TAUGHT.size, LABELLED.size)
    out, targets = options.out, soft_targets(films)

    def teacher(name: str, held: tuple[int, ...]) -> Path:
        """The network of `large` that saw the same films, as train() takes it."""
        made = options.large / name
        try:
            record = json.loads((made / "run.json").read_text(encoding="utf-8"))
        except OSError:
            parser.error(f"{made} holds no run: make it with python -m xscan.training.recipes.large")
        if not record["finished"]:
            parser.error(f"the run in {made} is not finished: go on with python -m xscan.training.recipes.large")
        if (record["data"], record["settings"]["hold_out"]) != (films.fingerprint, list(held)):
            parser.error(f"the run in {made} was trained on other films: give DATA and the --patients that it had")
        content = (made / "final.keras").read_bytes()
        path = out / f"{name}-teacher-{hashlib.sha256(content).hexdigest()[:12]}.onnx"
        if not path.exists():
            out.mkdir(parents=True, exist_ok=True)
            network = keras.saving.load_model(made / "final.keras", compile=False)
            replace_bytes(path, convert(network, None), in_own_folder)
        return path

    def make(name: str, held: tuple[int, ...], seed: int) -> None:
        runs = [run for run in (f"{name}-labelled", f"{name}-taught", name) if not options.only or run in options.only]
        teachers = (teacher(name, held),) if runs else ()  # looked at first: the lesson from labels takes long

        def lesson(run: str, settings: Settings, start: str = "") -> None:
            if run in runs:
                own = replace(settings, hold_out=held, seed=seed)
                first = out / start / "final.keras" if start else None
                data = small if settings.size == LABELLED.size else films
                train(
                    data, own, out / run,
                    resume=True, verbose=2, targets=targets, start_from=first,
                    teachers=teachers if settings.taught_maps else (),
                )  # fmt: skip

        lesson(f"{name}-labelled", LABELLED)
        lesson(f"{name}-taught", TAUGHT, start=f"{name}-labelled")
        lesson(name, LAST, start=f"{name}-taught")

    make("final", HELD_OUT, 10)
    for third, folds in enumerate(THIRDS):
        make(f"crossfit{third}", (*folds, *HELD_OUT), third)

    gather(out)


if __name__ == "__main__":
    main()
