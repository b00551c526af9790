"""Films with a truth and a network's answer: scored now, by the runtime of `batch`, or read from a score file."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xscan.calibration.points.operating_points import choose_points, fit_temperature
from xscan.calibration.points.scores import read_scores
from xscan.engine.dataset.films import DataSet, ListedFilm, read_inputs
from xscan.engine.dataset.selection import Keeps, choose
from xscan.engine.errors import DataSetError, EngineError, UsageError
from xscan.engine.triage.odds import probabilities

from .network import BATCH, Network, open_network
from .unseen import Seen, unseen


@dataclass(frozen=True)
class ScoredFilms:
    model: str
    how: str  #: for people: where the answers come from
    temperature: float
    points: dict[str, float]
    files: np.ndarray  #: str [films]
    labels: np.ndarray  #: int64 [films], index into CLASSES
    patients: np.ndarray  #: str [films]
    p: np.ndarray  #: float64 [films, 3]
    unreadable: int = 0
    films: tuple[ListedFilm, ...] = field(default=(), repr=False)  #: none for a score file
    seen: Seen | None = None  #: what is known of films that were trained on; None for a score file: it holds none

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, index: np.ndarray) -> "ScoredFilms":
        """Some of the films. index: int [any]."""
        films = tuple(self.films[i] for i in index) if self.films else ()
        kept = {name: getattr(self, name)[index] for name in ("files", "labels", "patients", "p")}
        return replace(self, films=films, **kept)


def score_films(network: Network, data: DataSet) -> ScoredFilms:
    """Score all films of `data`. Raises DataSetError when none can be read, EngineError."""
    manifest = network.runtime.manifest
    pictures, readable = read_inputs(data, manifest.input)
    if not readable.any():
        raise DataSetError("none of the chosen films can be read: xscan inspect says why")
    pictures = pictures[readable][..., None]
    logits = np.concatenate([network.runtime.run(pictures[i : i + BATCH]) for i in range(0, len(pictures), BATCH)])
    if not np.isfinite(logits).all():
        raise EngineError(f"{manifest.label} gives results that are no numbers: build or export it again")
    films = tuple(film for film, usable in zip(data.films, readable, strict=True) if usable)
    return ScoredFilms(
        model=manifest.label,
        how=network.how,
        temperature=manifest.temperature,
        points=network.points,
        files=np.array([film.file for film in films]),
        labels=data.labels[readable],
        patients=data.patients[readable],
        p=probabilities(logits, manifest.temperature),
        unreadable=int((~readable).sum()),
        films=films,
    )


def read_score_file(path: Path, keeps: Keeps) -> ScoredFilms:
    """The scores.csv of a training run, or an out-of-fold.csv of several.

    Temperature and operating points are chosen on its validation films, as `xscan export` does from the same
    file; without any, the temperature is 1 and there are no points. Raises DataSetError.
    """
    scores = read_scores([path], "validate", "hold_out")
    if len(np.unique(scores.files)) < len(scores):
        raise DataSetError(f"{path} holds a film twice: give a file with one score for each film")
    chosen = np.array([keeps(file, fold) for file, fold in zip(scores.files, scores.folds, strict=True)])
    if not chosen.any():
        raise DataSetError(f"no film of {path} is chosen: choose another --fold, or another --split and --part")
    fitted = scores.parts == "validate"
    sick = scores.labels > 0
    temperature, points, how = 1.0, {}, "scores of a training run as they are"
    if fitted.any():
        temperature = fit_temperature(scores.logits[fitted], scores.labels[fitted])
        how = f"scores of a training run; temperature and points chosen on its {fitted.sum()} validation films"
    if len(np.unique(sick[fitted])) == 2:
        p = probabilities(scores.logits[fitted], temperature)
        low, high = choose_points(p[:, 1] + p[:, 2], sick[fitted], scores.patients[fitted])
        points = {"rule-out": low.threshold, "rule-in": high.threshold}
    return ScoredFilms(
        model="/".join(path.resolve().parts[-2:]),
        how=how,
        temperature=temperature,
        points=points,
        files=scores.files[chosen],
        labels=scores.labels[chosen],
        patients=scores.patients[chosen],
        p=probabilities(scores.logits[chosen], temperature),
    )


def is_score_file(model: str) -> bool:
    return model.endswith(".csv")


def score(models: Sequence[str], whole: DataSet | None, keeps: Keeps, trained_too: bool = False) -> list[ScoredFilms]:
    """Each network on the same films: those that `keeps` chooses of `whole`, without those that one was trained on.

    A score file takes what it has of its own, and needs no data. trained_too: leave none out.
    Raises UsageError, DataSetError, EngineError.
    """
    if whole is None and not all(is_score_file(model) for model in models):
        raise UsageError("give the folder of labelled films after the network")
    with ExitStack() as stack:
        networks = {m: stack.enter_context(open_network(m)) for m in models if not is_score_file(m)}
        data, seen = None, None
        if whole is not None:
            data, seen = unseen(list(networks.values()), whole, choose(whole, keeps), trained_too)
        found = {}
        for model in models:
            if model not in networks:
                found[model] = read_score_file(Path(model), keeps)
            elif data is not None and model not in found:
                found[model] = replace(score_films(networks[model], data), seen=seen)
    return [found[model] for model in models]
