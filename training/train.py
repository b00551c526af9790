"""Train one network: a run folder with the weights and everything needed to repeat or resume the run.

RUN/run.json      settings, data fingerprint, folds, versions
RUN/history.csv   one row an epoch; history.png is its plot
RUN/last.keras    state after the last whole epoch, for --resume
RUN/final.keras   the trained network (averaged weights)
RUN/scores.csv    logits of the films in the validation and held-out folds
"""

import csv
import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np

from xscan.engine import CLASSES
from xscan.engine.dataset import FOLDS, DataSet, read_inputs
from xscan.engine.errors import DataSetError, UsageError
from xscan.engine.preprocess import InputSpec

from .architectures import architecture, fused_layers
from .augment import Augmentation, augment


@dataclass(frozen=True)
class Settings:
    """Everything that shapes a run."""

    architecture: str = "seed"
    size: int = 0  #: side of the square input; 0 is the architecture's own
    epochs: int = 16
    batch_size: int = 32
    learning_rate: float = 1e-3  #: the peak of a one-cycle cosine schedule
    weight_decay: float = 1e-4
    warmup: float = 0.1  #: share of all steps
    label_smoothing: float = 0.05
    mixup: float = 0.0  #: Beta parameter of blending each film with another of its batch; 0 is off
    ema: float = 0.99  #: weight averaging a step
    validate: tuple[int, ...] = ()  #: folds scored after each epoch, not trained on
    hold_out: tuple[int, ...] = (9,)  #: folds touched once, when training is over
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


class Batches(keras.utils.PyDataset):
    """Augmented batches; which films and which changes follow from (seed, epoch, batch) alone."""

    def __init__(self, pictures: np.ndarray, targets: np.ndarray, settings: Settings, epoch: int = 0) -> None:
        # Threads, not processes: cv2 releases the lock.
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self.pictures, self.targets, self.settings, self.epoch = pictures, targets, settings, epoch
        self._shuffle()

    def __len__(self) -> int:
        return len(self.pictures) // self.settings.batch_size

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        size = self.settings.batch_size
        films = self.order[batch * size : (batch + 1) * size]
        rng = np.random.default_rng((self.settings.seed, self.epoch, batch))
        pictures = np.stack([augment(self.pictures[i], self.settings.augmentation, rng) for i in films])
        targets = self.targets[films]
        if self.settings.mixup:
            share = rng.beta(self.settings.mixup, self.settings.mixup)
            share = max(share, 1 - share)
            pictures = cv2.addWeighted(pictures, share, pictures[::-1].copy(), 1 - share, 0)
            targets = share * targets + (1 - share) * targets[::-1]
        return pictures[..., None], targets

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        self.order = np.random.default_rng((self.settings.seed, self.epoch)).permutation(len(self.pictures))


def train(
    data: DataSet,
    settings: Settings,
    run: Path,
    *,
    resume: bool = False,
    verbose: int = 1,
    targets: Mapping[str, np.ndarray] | None = None,
    start_from: Path | None = None,
) -> None:
    """Train on the folds that are neither validated nor held out, and fill the folder `run`.

    targets: probabilities [3] by film.file, learned instead of the folder's label; every training film's.
    start_from: a trained network of the same architecture, of any input size, to start with its weights.

    Raises UsageError for a run folder that is in use or made with other settings, and DataSetError for
    films that cannot be used.
    """
    keras.utils.set_random_seed(settings.seed)
    network = architecture(settings.architecture)
    size = settings.size or network.size
    kept = set(settings.validate) | set(settings.hold_out)
    films = data.folds(f for f in range(FOLDS) if f not in kept)
    missing = [name for label, name in enumerate(CLASSES) if not (films.labels == label).any()]
    if missing:
        raise UsageError(f"no training film of class {', '.join(missing)} is left: hold out fewer folds")
    if len(films.films) < settings.batch_size:
        raise UsageError(f"{len(films.films)} training films are fewer than one batch of {settings.batch_size}")
    start = _open_run(run, data, settings, resume, targets, start_from)
    if start is None:
        return

    spec = InputSpec(size, size)
    pictures, readable = read_inputs(films, spec)
    wanted = np.eye(len(CLASSES), dtype=np.float32)[films.labels]
    if targets is not None:
        wanted = np.array([targets[film.file] for film in films.films], np.float32)
    pictures, wanted = pictures[readable], wanted[readable]
    batches = Batches(pictures, wanted, settings, epoch=start)
    if len(batches) == 0:
        raise DataSetError(f"only {len(pictures)} training films can be read: fewer than one batch")

    last = run / "last.keras"
    if start:
        model = keras.saving.load_model(last)
    else:
        model = fused_layers(_logits_only(network.build(size, size)))
        if start_from:
            model.set_weights(keras.saving.load_model(start_from).get_weights())
        model.compile(
            optimizer=_optimizer(settings, steps=settings.epochs * len(batches)),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing),
            metrics=["accuracy"],
        )
    validation = data.folds(settings.validate)
    validation_data = None
    if validation.films:
        watched, usable = read_inputs(validation, spec)
        validation_data = (watched[usable][..., None], np.eye(len(CLASSES))[validation.labels[usable]])

    model.fit(
        batches,
        shuffle=False,  # Batches has its own order; Keras's would not be the same after a resume
        epochs=settings.epochs,
        initial_epoch=start,
        validation_data=validation_data,
        callbacks=[_SaveEpoch(last), keras.callbacks.CSVLogger(run / "history.csv", append=start > 0)],
        verbose=verbose,
    )
    _settle_normalisation(model, pictures, settings)
    trained = network.build(size, size)  # with its class maps, if it has them, and of Keras's own layers only
    trained.set_weights(model.get_weights())
    trained.save(run / "final.keras")
    _write_scores(run / "scores.csv", trained, data, settings, spec)
    _plot_history(run)
    _update_run(run, finished=True)
    last.unlink()


def logits_of(model: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """uint8 [films, height, width] -> float32 logits [films, 3]."""
    result = model.predict(pictures[..., None], batch_size=32, verbose=0)
    return np.asarray(result["logits"] if isinstance(result, dict) else result, np.float32)


def _logits_only(model: keras.Model) -> keras.Model:
    outputs = model.output["logits"] if isinstance(model.output, dict) else model.output
    return keras.Model(model.input, outputs, name=model.name)


def _settle_normalisation(model: keras.Model, pictures: np.ndarray, settings: Settings) -> None:
    """Measure the batch normalisation's statistics anew, on the training films as they are.

    Those that fit leaves are of the weights before averaging, and of films with borders, noise and blanks.
    """
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return
    rng = np.random.default_rng(settings.seed)
    for _ in range(100):
        films = rng.choice(len(pictures), settings.batch_size)
        model(pictures[films][..., None], training=True)


def _optimizer(settings: Settings, steps: int) -> keras.optimizers.Optimizer:
    warmup = max(1, int(settings.warmup * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate / 25,
        decay_steps=max(1, steps - warmup),
        warmup_target=settings.learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=settings.weight_decay,
        use_ema=settings.ema > 0,
        ema_momentum=settings.ema or 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class _SaveEpoch(keras.callbacks.Callback):
    """The whole state, optimiser included, after each epoch; a kill leaves a good file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Dropout follows from the epoch alone: its own random state is not part of a saved model."""
        for place, layer in enumerate(self.model.layers):
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign((place, epoch))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        part = self.path.with_name("part.keras")
        self.model.save(part)
        os.replace(part, self.path)
        _update_run(self.path.parent, epochs_done=epoch + 1)


def _open_run(
    run: Path,
    data: DataSet,
    settings: Settings,
    resume: bool,
    targets: Mapping[str, np.ndarray] | None,
    start_from: Path | None,
) -> int | None:
    """Make or reopen the run folder; returns the epoch to start at, or None when the run is finished."""
    record = run / "run.json"
    wanted = json.loads(json.dumps({"settings": asdict(settings), "data": data.fingerprint}))
    if targets is not None:
        lines = (f"{file}|{np.round(targets[file], 5).tolist()}\n" for file in sorted(targets))
        wanted["targets"] = hashlib.sha256("".join(lines).encode()).hexdigest()
    if start_from is not None:
        wanted["start_from"] = hashlib.sha256(start_from.read_bytes()).hexdigest()
    if record.exists():
        old = json.loads(record.read_text(encoding="utf-8"))
        if not resume:
            raise UsageError(f"{run} holds a run already: add --resume to go on with it, or choose another --out")
        keys = {*wanted, "targets", "start_from"}  # the last two are in a record only where they were given
        if any(_with_defaults(key, old.get(key)) != wanted.get(key) for key in keys):
            raise UsageError(f"{run} was made with other settings or other data: choose another --out")
        return None if old["finished"] else old["epochs_done"]
    if run.exists() and any(run.iterdir()):
        raise UsageError(f"{run} is not empty and holds no run: choose another --out")
    run.mkdir(parents=True, exist_ok=True)
    versions = {"python": platform.python_version(), "keras": keras.__version__}
    versions["backend"] = keras.backend.backend()
    state = {"films": len(data.films), "versions": versions, "epochs_done": 0, "finished": False}
    _write_json(record, wanted | state)
    return 0


def _with_defaults(key: str, value: Any) -> Any:
    """A record from before a setting existed: the setting's default is what that run used."""
    if key != "settings" or not isinstance(value, dict):
        return value
    defaults = json.loads(json.dumps(asdict(Settings())))
    return defaults | value | {"augmentation": defaults["augmentation"] | value["augmentation"]}


def _update_run(run: Path, **changes: object) -> None:
    record = run / "run.json"
    _write_json(record, json.loads(record.read_text(encoding="utf-8")) | changes)


def _write_json(path: Path, content: dict) -> None:
    part = path.with_suffix(".tmp")
    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(part, path)


def _write_scores(path: Path, model: keras.Model, data: DataSet, settings: Settings, spec: InputSpec) -> None:
    """Logits of all films that the run was not trained on: what operating points are chosen from."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "label", "patient", "fold", "part", *(f"logit_{name}" for name in CLASSES)])
        for part, folds in (("validate", settings.validate), ("hold_out", settings.hold_out)):
            films = data.folds(folds)
            if not films.films:
                continue
            pictures, readable = read_inputs(films, spec)
            for film, logits, usable in zip(films.films, logits_of(model, pictures), readable, strict=True):
                if usable:
                    numbers = [f"{x:.6f}" for x in logits]
                    writer.writerow([film.file, CLASSES[film.label], film.patient, film.fold, part, *numbers])


def _plot_history(run: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with (run / "history.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5))
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for name, label in ((quantity, "training"), (f"val_{quantity}", "validation")):
            measured = [r for r in rows if r.get(name) not in (None, "", "NA")]  # NA: no validation folds
            if measured:
                epochs = [int(r["epoch"]) + 1 for r in measured]
                axis.plot(epochs, [float(r[name]) for r in measured], label=label)
        axis.set_xlabel("epoch")
        axis.set_ylabel(quantity)
        axis.legend()
    figure.tight_layout()
    figure.savefig(run / "history.png", dpi=120)
    pyplot.close(figure)
