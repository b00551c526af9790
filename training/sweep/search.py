"""Successive halving over a recipe's networks. Any number of processes may work on one folder, and be killed.

OUT/sweep.json          the recipe and the data set's fingerprint
OUT/grouped/NAME/       run folder (xscan.training.fit.train): folds by patient, as the data set has them
OUT/random/NAME/        the same network by the study's protocol, for those that were trained to the end
OUT/networks/NAME.json  parameters and latency
OUT/rung-EPOCHS.json    the ranking after so many epochs, and who went on

No process leads: each takes the next network that nobody holds the lock of, and decides what the files decide.
Optuna's pruners stop a trial for good and want a database between processes; here a network pauses and goes on.
"""

import json
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from filelock import FileLock, Timeout

from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet, data_set
from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import is_temporary, replace_bytes
from xscan.engine.errors import UsageError

from ..data.split import study_split
from ..fit.record import write_json
from ..fit.settings import Settings
from ..fit.train import train
from .recipe import Recipe
from .scores import read_score

GROUPED, RANDOM = "grouped", "random"
STUDY_TRAIN, STUDY_TEST = 0, 9  #: the folds that stand for the study's two parts


@dataclass(frozen=True)
class Sweep:
    recipe: Recipe
    data: DataSet
    out: Path
    jobs: int = 1  #: processes that work on it
    deadline: float | None = None  #: of time.monotonic()
    say: Callable[[str], None] = print

    def folder(self, protocol: str, name: str) -> Path:
        return self.out / protocol / name

    def problem(self, protocol: str, name: str) -> Path:
        """Where the reason stands why a network cannot be trained."""
        return self.out / protocol / f"{name}.problem.txt"

    @property
    def late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline


def open_sweep(sweep: Sweep) -> None:
    """Raises UsageError for a folder with another recipe, other data or other things, and for unusable folds."""
    settings = next(iter(sweep.recipe.networks.values()))
    for kind, folds in (("validate", settings.validate), ("hold_out", settings.hold_out)):
        if len(set(sweep.data.folds(folds).labels.tolist())) < len(CLASSES):
            if sweep.data.in_parts:
                part = "validate" if kind == "validate" else "test"
                raise UsageError(f"a sweep needs films of every class in the part {part}")
            raise UsageError(
                f"the folds {list(folds)} of `{kind}` lack films of a class: name others in the recipe's [settings]"
            )
    wanted = json.loads(json.dumps({"recipe": sweep.recipe.as_dict(), "data": sweep.data.fingerprint}))
    record = sweep.out / "sweep.json"
    ours = {GROUPED, RANDOM, "networks", "sweep.lock"}  # made before the record, perhaps by a process beside us
    names = {path.name for path in sweep.out.iterdir()} if sweep.out.is_dir() else set()
    strangers = {name for name in names - ours - {record.name} if not is_temporary(name, record.name)}
    if strangers and not record.is_file():  # looked for after the names: it may have come meanwhile
        raise UsageError(f"{sweep.out} is not empty and holds no sweep: choose another --out")
    for place in (GROUPED, RANDOM, "networks"):
        (sweep.out / place).mkdir(parents=True, exist_ok=True)
    with deciding(sweep.out):
        if not record.is_file():
            write_json(record, wanted)
        elif json.loads(record.read_text(encoding="utf-8")) != wanted:
            raise UsageError(f"{sweep.out} was made with another recipe, other options or data: choose another --out")


def search(sweep: Sweep) -> bool:
    """Work until every network is trained as far as it goes, or until the deadline: then False."""
    names = list(sweep.recipe.networks)
    for rung in range(len(sweep.recipe.rungs)):
        if not _train_all(sweep, GROUPED, names, sweep.recipe.rungs[rung]):
            return False
        names = _promoted(sweep, rung, names)
    return _train_all(sweep, RANDOM, names, sweep.recipe.rungs[-1])


def _train_all(sweep: Sweep, protocol: str, names: Iterable[str], epochs: int) -> bool:
    """The costliest first, so that several processes end together. False past the deadline."""
    waiting = sorted(names, key=lambda name: -_run(sweep, GROUPED, name).get("seconds_an_epoch", 0))
    while waiting:
        left = []
        for name in waiting:
            if sweep.late:
                return False
            if not _trained(sweep, protocol, name, epochs) and not _train_one(sweep, protocol, name, epochs):
                left.append(name)
        if len(left) == len(waiting):
            time.sleep(0.5)  # the rest is with other processes, or was until they were killed
        waiting = left
    return True


def _trained(sweep: Sweep, protocol: str, name: str, epochs: int) -> bool:
    if sweep.problem(protocol, name).exists():
        return True
    measured = protocol == RANDOM or (sweep.out / "networks" / f"{name}.json").exists()
    return measured and _run(sweep, protocol, name).get("scored_epochs", 0) >= epochs


def _train_one(sweep: Sweep, protocol: str, name: str, epochs: int) -> bool:
    """False where another process trains it, or where the deadline stopped it."""
    lock = FileLock(sweep.out / protocol / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    try:
        if _trained(sweep, protocol, name, epochs):
            return True
        data, settings = sweep.data, sweep.recipe.networks[name]
        if protocol == RANDOM:
            data, settings = _study_data(data, settings.seed), _study_settings(settings)
        started = time.monotonic()
        run = sweep.folder(protocol, name)
        train(data, settings, run, resume=True, until=epochs, deadline=sweep.deadline, verbose=0)
        if _run(sweep, protocol, name).get("scored_epochs", 0) < epochs:
            return False
        if protocol == GROUPED:
            _measure(sweep, name)
        seconds = f"{time.monotonic() - started:.0f} s"
        part, called = ("validate", "validation patients") if protocol == GROUPED else ("hold_out", "random films")
        accuracy = read_score(run / "scores.csv", part).accuracy
        sweep.say(f"{name}: accuracy {accuracy:.4f} on the {called} after {epochs} epochs ({seconds})")
    except UsageError as error:  # its options and this input size do not go together: the others go on
        replace_bytes(sweep.problem(protocol, name), str(error).encode(), in_own_folder)
        sweep.say(f"{name}: {error}")
    finally:
        keras.utils.clear_session()
        lock.release()
    return True


def _promoted(sweep: Sweep, rung: int, names: list[str]) -> list[str]:
    """Who goes on, best first: decided once, by the first process that comes here, on validation patients only."""
    recipe, epochs = sweep.recipe, sweep.recipe.rungs[rung]
    record = sweep.out / f"rung-{epochs}.json"
    with deciding(sweep.out):
        if record.is_file():
            return json.loads(record.read_text(encoding="utf-8"))["kept"]
        usable = [name for name in names if not sweep.problem(GROUPED, name).exists()]
        if not usable:
            raise UsageError("no network of the recipe could be trained: see the lines above")
        scores = {name: read_score(sweep.folder(GROUPED, name) / "scores.csv", "validate") for name in usable}
        ranking = sorted(usable, key=lambda name: (-scores[name].accuracy, scores[name].loss))
        kept = ranking
        if rung + 1 < len(recipe.rungs):
            kept = ranking[: _affordable(sweep, rung, ranking)]
            if recipe.reference in ranking and recipe.reference not in kept:
                kept = [*kept, recipe.reference]
        ranked = [[name, round(scores[name].accuracy, 4), round(scores[name].loss, 4)] for name in ranking]
        write_json(record, {"epochs": epochs, "ranking": ranked, "kept": kept})
    for name in set(names) - set(kept):  # the optimiser's state: five times the weights, and of no use any more
        (sweep.folder(GROUPED, name) / "last.keras").unlink(missing_ok=True)
    if rung + 1 < len(recipe.rungs):
        sweep.say(f"{len(kept)} of {len(names)} networks go on to {recipe.rungs[rung + 1]} epochs: {', '.join(kept)}")
    return kept


def _affordable(sweep: Sweep, rung: int, ranking: list[str]) -> int:
    """How many of the best go on: one in `reduction`, and fewer where the hours left would not suffice.

    What is left of the time is shared out evenly over the rungs to come and the study's protocol.
    """
    recipe = sweep.recipe
    most = math.ceil(len(ranking) / recipe.reduction)
    if sweep.deadline is None:
        return most
    stages = len(recipe.rungs) - rung
    share = sweep.jobs * (sweep.deadline - time.monotonic()) / stages
    more = recipe.rungs[rung + 1] - recipe.rungs[rung]
    seconds = np.cumsum([more * _run(sweep, GROUPED, name)["seconds_an_epoch"] for name in ranking[:most]])
    return max(1, int((seconds <= share).sum()))


def _study_settings(settings: Settings) -> Settings:
    """Trained on 80 %, tested on 20 %, nothing to choose on."""
    return replace(settings, validate=(), hold_out=(STUDY_TEST,))


def _study_data(data: DataSet, seed: int) -> DataSet:
    """The same films in the study's two parts, as `xscan data split --like-study` draws them."""
    folds = [STUDY_TEST if part == "test" else STUDY_TRAIN for part in study_split(data.labels, seed)]
    return data_set(replace(film, fold=fold) for film, fold in zip(data.films, folds, strict=True))


def _measure(sweep: Sweep, name: str) -> None:
    """Parameters, and milliseconds a film in ONNX Runtime on one core; the latter needs TensorFlow to export."""
    record = sweep.out / "networks" / f"{name}.json"
    if record.exists():
        return
    model = keras.saving.load_model(sweep.folder(GROUPED, name) / "final.keras", compile=False)
    figures: dict[str, Any] = {"parameters": model.count_params()}
    if keras.backend.backend() == "tensorflow":
        figures["ms_a_film"] = round(milliseconds_a_film(model), 3)
    write_json(record, figures)


def milliseconds_a_film(model: keras.Model, batch: int = 8, seconds: float = 1.0) -> float:
    """Median of the time that one core works on a film, whatever else the machine does meanwhile."""
    import onnxruntime

    from ..export import convert

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(convert(model, None), options, providers=["CPUExecutionProvider"])
    _, height, width, _ = model.input_shape
    pictures = np.random.default_rng(0).integers(0, 256, (batch, height, width, 1), np.uint8)
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        began = time.thread_time()
        session.run(["logits"], {"pixels": pictures})
        times.append(time.thread_time() - began)
    return 1e3 * statistics.median(times[1:]) / batch


def _run(sweep: Sweep, protocol: str, name: str) -> dict[str, Any]:
    try:
        return json.loads((sweep.folder(protocol, name) / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


@contextmanager
def deciding(out: Path) -> Iterator[None]:
    """One process at a time, for what concerns all networks of a sweep."""
    with FileLock(out / "sweep.lock"):
        yield
