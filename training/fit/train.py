"""Train one network: a run folder with the weights and everything needed to repeat or resume the run.

RUN/run.json      settings, data fingerprint, folds, versions
RUN/history.csv   one row an epoch; history.png is its plot
RUN/tensorboard   the same for TensorBoard, where it is installed (with TensorFlow)
RUN/last.keras    state after the last whole epoch, for --resume; gone once the run is finished
RUN/final.keras   the trained network (averaged weights)
RUN/scores.csv    logits of the films in the validation and held-out folds
"""

import functools
import importlib.util
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import keras
import numpy as np

from xscan.calibration.points.scores import write_scores
from xscan.engine import CLASSES
from xscan.engine.dataset.films import FOLDS, DataSet, ListedFilm, read_inputs
from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replace_bytes, replacing_path
from xscan.engine.errors import DataSetError, UsageError
from xscan.engine.machine.processor import multiplies_bfloat16
from xscan.engine.network.spec import InputSpec

from ..architectures.fused import fused_layers
from ..architectures.registry import architecture
from .augment import augment
from .exchange import Pool
from .hidden import CELLS, partly_hidden
from .history import plot
from .record import begin, open_run, update_run
from .settings import Settings


class Batches(keras.utils.PyDataset):
    """Augmented batches; which films and which changes follow from (seed, epoch, batch) alone."""

    def __init__(
        self,
        pictures: np.ndarray,
        targets: np.ndarray,
        settings: Settings,
        epoch: int = 0,
        cells: tuple[int, int] = CELLS,
    ) -> None:
        """cells: rows and columns, of which `settings.hidden` hides some."""
        # Threads, not processes: cv2 releases the lock.
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self.pictures, self.targets, self.settings, self.epoch = pictures, targets, settings, epoch
        kinds = settings.augmentation
        self.pool = Pool(pictures) if kinds.levels or kinds.spectrum or kinds.corner else None
        self.cells = cells
        self.trim = [settings.trim[label] if settings.trim else (0, 0) for label in targets.argmax(1)]
        self._shuffle()

    def __len__(self) -> int:
        return len(self.pictures) // self.settings.batch_size

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        size = self.settings.batch_size
        films = self.order[batch * size : (batch + 1) * size]
        rng = np.random.default_rng((self.settings.seed, self.epoch, batch))
        pictures = self.changed(films, rng)
        targets = self.targets[films]
        if self.settings.mixup:
            share = rng.beta(self.settings.mixup, self.settings.mixup)
            share = max(share, 1 - share)
            pictures = cv2.addWeighted(pictures, share, pictures[::-1].copy(), 1 - share, 0)
            targets = share * targets + (1 - share) * targets[::-1]
        if self.settings.hidden:
            pictures = partly_hidden(pictures, self.cells, self.settings.hidden, rng)
        return pictures[..., None], targets

    def changed(self, films: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """uint8 [films, height, width]: these films, by their places, as they are learned."""
        kinds = self.settings.augmentation
        return np.stack([augment(self.pictures[i], kinds, rng, self.trim[i], self.pool) for i in films])

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
    until: int | None = None,
    deadline: float | None = None,
    verbose: int = 1,
    targets: Mapping[str, np.ndarray] | None = None,
    start_from: Path | None = None,
) -> int:
    """Train on the folds that are neither validated nor held out, and fill the folder `run`; returns the epochs done.

    resume: go on with an interrupted run, or with a finished one for more epochs (record.open_run).
    until: pause after this epoch, with final.keras and scores.csv as they are then; resume goes on from there.
    deadline: of time.monotonic(); past it the run stops after its epoch, and resume goes on.
    targets: probabilities [3] by film.file, learned instead of the folder's label; every training film's.
    start_from: a trained network of the same architecture, of any input size, to start with its weights, of which
        `settings.kept` stay.

    Raises UsageError for a run folder that is in use or made with other settings, and DataSetError for
    films that cannot be used: all before anything is written.
    """
    keras.utils.set_random_seed(settings.seed)
    network = architecture(settings.architecture)
    size = settings.size or network.size
    trained = network.build(size, size, settings.options)
    kept = set(settings.validate) | set(settings.hold_out)
    films = data.folds(f for f in range(FOLDS) if f not in kept)
    missing = [name for label, name in enumerate(CLASSES) if not (films.labels == label).any()]
    if missing:
        raise UsageError(f"no training film of class {', '.join(missing)} is left: hold out fewer folds")
    if len(films.films) < settings.batch_size:
        raise _few(len(films.films), settings)
    validation = data.folds(settings.validate)
    if settings.validate and len({label > 0 for label in validation.labels.tolist()}) < 2:
        raise UsageError(
            f"the folds {', '.join(map(str, settings.validate))} of --validate need films with and without pneumonia, "
            "for operating points are chosen on them: name others, or none (--validate '')"
        )
    if settings.kept and not start_from:
        raise UsageError("no network to start from is given, so none of its weights can be kept: leave kept at 0")
    stand = open_run(run, data, settings, resume, targets, start_from)
    stop = min(until or settings.epochs, settings.epochs)
    if stand is None or stand.start > stop:
        return 0
    if settings.kept and stand.base:
        raise UsageError(f"{run} kept weights of its start, so it cannot be extended: give another --out")
    start = stand.start

    spec = InputSpec(size, size)
    pictures, readable = read_inputs(films, spec)
    wanted = np.eye(len(CLASSES), dtype=np.float32)[films.labels]
    if targets is not None:
        wanted = np.array([targets[film.file] for film in films.films], np.float32)
    pictures, wanted = pictures[readable], wanted[readable]
    if len(pictures) < settings.batch_size:
        raise _few(len(pictures), settings)
    begin(run, stand)
    if until is None and deadline is None and not start and not settings.hidden and not settings.kept and _gpu():
        _train_on_gpu(trained, pictures, wanted, settings, run, start_from)
        _finish(run, trained, data, settings, spec, settings.epochs)
        return settings.epochs
    cells = trained.output["maps"].shape[1:3] if isinstance(trained.output, dict) else CELLS
    batches = Batches(pictures, wanted, settings, start, cells)

    last = run / "last.keras"
    if start > stand.base:
        model = keras.saving.load_model(last)
    else:
        model = compiled(trained, settings, steps=(settings.epochs - start) * len(batches))
        if first := run / "final.keras" if start else start_from:
            model.set_weights(keras.saving.load_model(first, compile=False).get_weights())
    validation_data = None
    if validation.films:
        watched, usable = read_inputs(validation, spec)
        validation_data = (watched[usable][..., None], np.eye(len(CLASSES))[validation.labels[usable]])

    saved = _SaveEpoch(last, start, deadline)
    model.fit(
        batches,
        shuffle=False,  # Batches has its own order; Keras's would not be the same after a resume
        epochs=stop,
        initial_epoch=start,
        validation_data=validation_data,
        callbacks=[saved, *_logs(run, start)],
        verbose=verbose,
    )
    if saved.epochs < stop:
        return saved.epochs - start
    if settings.precision != "float32":  # the network runs in float32 later, and its statistics are to fit that
        exact = fused_layers(_logits_only(trained))
        exact.set_weights(model.get_weights())
        model = exact
    if settings.kept:
        began = keras.saving.load_model(start_from, compile=False).get_weights()
        pairs = zip(began, model.get_weights(), strict=True)
        model.set_weights([settings.kept * before + (1 - settings.kept) * after for before, after in pairs])
    _measure_normalisation(model, batches)
    trained.set_weights(model.get_weights())  # it has class maps, if any, and Keras's own layers only
    _finish(run, trained, data, settings, spec, stop)
    if stop == settings.epochs:
        last.unlink()
    return stop - start


def _finish(run: Path, trained: keras.Model, data: DataSet, settings: Settings, spec: InputSpec, epochs: int) -> None:
    """Save the network as it is after so many epochs, and score what it was not trained on."""
    with replacing_path(run / "final.keras", in_own_folder) as part:
        trained.save(part)
    write_scores(run / "scores.csv", _held_out_scores(trained, data, settings, spec))
    plot(run)
    update_run(run, scored_epochs=epochs, finished=epochs == settings.epochs)


def _few(films: int, settings: Settings) -> DataSetError:
    return DataSetError(
        f"{films} training films are fewer than one batch of {settings.batch_size}: give more films, or a smaller "
        "--batch-size"
    )


def _gpu() -> bool:
    """A GPU that Keras on PyTorch would use."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return torch.cuda.is_available()


def _train_on_gpu(
    trained: keras.Model,
    pictures: np.ndarray,
    wanted: np.ndarray,
    settings: Settings,
    run: Path,
    start_from: Path | None,
) -> None:
    """The whole run in one go, in minutes: nothing to resume, and validation folds are scored at its end."""
    from .gpu import Lesson, teach

    began = time.monotonic()
    smooth = settings.label_smoothing
    wanted = ((1 - smooth) * wanted + smooth / wanted.shape[1]).astype(np.float32)
    if start_from:
        trained.set_weights(keras.saving.load_model(start_from).get_weights())
    [losses] = teach([Lesson(trained, pictures, wanted, settings)])
    lines = [f"{epoch},{loss:.5f}\n" for epoch, loss in enumerate(losses)]
    replace_bytes(run / "history.csv", ("epoch,loss\n" + "".join(lines)).encode(), in_own_folder)
    seconds = (time.monotonic() - began) / settings.epochs
    update_run(run, epochs_done=settings.epochs, seconds_an_epoch=round(seconds, 2))


def fastest_precision() -> str:
    """What `Settings.precision` trains fastest with on this machine's CPU: see benchmarks/training_speed.py."""
    return "bfloat16" if keras.backend.backend() == "tensorflow" and multiplies_bfloat16() else "float32"


def compiled(network: keras.Model, settings: Settings, steps: int) -> keras.Model:
    """A copy of the network, with its weights, ready to train for so many steps."""
    model = fused_layers(_logits_only(network), half=settings.precision == "bfloat16")
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
    )
    return model


def logits_of(model: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """uint8 [films, height, width] -> float32 logits [films, 3]."""
    result = model.predict(pictures[..., None], batch_size=32, verbose=0)
    return np.asarray(result["logits"] if isinstance(result, dict) else result, np.float32)


def _logits_only(model: keras.Model) -> keras.Model:
    outputs = model.output["logits"] if isinstance(model.output, dict) else model.output
    return keras.Model(model.input, outputs, name=model.name)


def _measure_normalisation(model: keras.Model, batches: Batches) -> None:
    """Measure the batch normalisation's statistics anew, on the training films as `measure_changed` says.

    Those that fit leaves are of the weights before averaging.
    """
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return
    forward = functools.partial(model, training=True)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        forward = tf.function(forward)  # layer by layer, a hundred passes take a small run's longest time
    settings = batches.settings
    rng = np.random.default_rng(settings.seed)
    for _ in range(100):
        films = rng.choice(len(batches.pictures), settings.batch_size)
        pictures = batches.changed(films, rng) if settings.measure_changed else batches.pictures[films]
        forward(keras.ops.convert_to_tensor(pictures[..., None]))


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


def _logs(run: Path, start: int) -> list[keras.callbacks.Callback]:
    logs: list[keras.callbacks.Callback] = [keras.callbacks.CSVLogger(run / "history.csv", append=start > 0)]
    if keras.backend.backend() == "tensorflow" and importlib.util.find_spec("tensorboard"):
        logs.append(keras.callbacks.TensorBoard(run / "tensorboard", write_graph=False))
    return logs


class _SaveEpoch(keras.callbacks.Callback):
    """The whole state, optimiser included, after each epoch; a kill leaves a good file."""

    def __init__(self, path: Path, epochs: int, deadline: float | None) -> None:
        super().__init__()
        self.path, self.epochs, self.deadline = path, epochs, deadline
        self.began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Dropout follows from the epoch alone: its own random state is not part of a saved model."""
        self.began = time.monotonic()
        for place, layer in enumerate(self.model.layers):
            if isinstance(layer, keras.layers.Dropout) and layer.rate:
                layer.seed_generator.state.assign((place, epoch))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        with replacing_path(self.path, in_own_folder) as part:
            self.model.save(part)
        self.epochs = epoch + 1
        now = time.monotonic()
        update_run(self.path.parent, epochs_done=self.epochs, seconds_an_epoch=round(now - self.began, 2))
        if self.deadline is not None and now > self.deadline:
            self.model.stop_training = True


def _held_out_scores(
    model: keras.Model, data: DataSet, settings: Settings, spec: InputSpec
) -> Iterator[tuple[str, list[ListedFilm], np.ndarray]]:
    """Logits of all readable films that the run was not trained on: what operating points are chosen from."""
    for part, folds in (("validate", settings.validate), ("hold_out", settings.hold_out)):
        films = data.folds(folds)
        if films.films:
            pictures, readable = read_inputs(films, spec)
            kept = [film for film, usable in zip(films.films, readable, strict=True) if usable]
            yield part, kept, logits_of(model, pictures)[readable]
