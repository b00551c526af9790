"""Which radiographs to calibrate on and which to accept on: any folder that `batch` can read.

Calibration films are spread evenly over the top folders (the classes of a labelled set), one a patient as
far as that goes, and drawn by a seed. Where a CSV names folds, no film comes from a fold that the network
was not trained on: those are kept for measuring.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np

from xscan.engine import CLASSES
from xscan.engine.dataset.films import ListedFilm
from xscan.engine.errors import DataSetError, FileProblem
from xscan.engine.network.manifest import Manifest
from xscan.engine.network.spec import InputSpec

HELD_OUT = 9  #: the fold that is never calibrated on when the manifest does not say what was trained on


@dataclass(frozen=True)
class Pictures:
    """Network inputs of films that could be read."""

    films: tuple[ListedFilm, ...]
    pixels: np.ndarray  #: uint8 [films, height, width, 1]
    labels: np.ndarray | None  #: int64 [films], or None for an unlabelled folder


def order(films: Collection[ListedFilm], manifest: Manifest, seed: int) -> list[ListedFilm]:
    """All films that may be calibrated on, the first to take first. Raises DataSetError."""
    allowed = [film for film in films if film.fold is None or film.fold in _trained_folds(manifest)]
    if not allowed:
        raise DataSetError("every film is of a fold kept for measuring: calibrate on films that were trained on")

    groups: dict[str, list[ListedFilm]] = defaultdict(list)
    for film in allowed:
        groups[film.group].append(film)
    queues = []
    for _, members in sorted(groups.items()):
        turn: dict[str, int] = defaultdict(int)
        ranked = []
        for film in sorted(members, key=lambda f: _rank(f.file, seed)):
            ranked.append((turn[film.patient], _rank(film.patient, seed), film.file, film))
            turn[film.patient] += 1
        queues.append([film for *_, film in sorted(ranked, key=lambda r: r[:3])])
    return [film for film in chain.from_iterable(zip_longest(*queues)) if film is not None]


def fingerprint(ordered: list[ListedFilm], count: int, spec: InputSpec) -> str:
    """sha256 over what will be calibrated on: names and sizes in order, how many, and the preprocessing."""
    digest = hashlib.sha256(f"{count}|{spec.as_dict()}\n".encode())
    for film in ordered:
        digest.update(f"{film.file}|{film.found.bytes}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def for_acceptance(
    films: list[ListedFilm], manifest: Manifest, folds: Collection[int], calibrated: Collection[str]
) -> list[ListedFilm]:
    """Films to measure on: of `folds`, else of those that were not trained on; none of a calibrated patient.

    Of a labelled folder (one with every class as a folder) only the films inside the class folders.
    Raises DataSetError when none is left.
    """
    if is_labelled(films):
        films = [film for film in films if film.group in CLASSES]
    if folds:
        films = [film for film in films if film.fold in folds]
    else:
        trained = _trained_folds(manifest)
        films = [film for film in films if film.fold is None or film.fold not in trained]
    films = [film for film in films if film.patient not in calibrated]
    if not films:
        raise DataSetError("no film is left to accept on: all were trained or calibrated on, or are of other folds")
    return films


def of_trained_folds(films: Collection[ListedFilm], manifest: Manifest) -> int:
    """How many films `for_acceptance` leaves out because their fold was trained on, where no folds are asked for."""
    trained = _trained_folds(manifest)
    return sum(film.fold in trained for film in films if film.fold is not None)


def shuffled(films: list[ListedFilm], seed: int) -> list[ListedFilm]:
    """In an order that depends on names and seed only."""
    return sorted(films, key=lambda film: _rank(film.file, seed))


def is_labelled(films: Collection[ListedFilm]) -> bool:
    return set(CLASSES) <= {film.group for film in films}


def read(
    films: list[ListedFilm], spec: InputSpec, count: int | None = None, progress: Callable[[int], None] = lambda _: None
) -> Pictures:
    """Read the first `count` films that are radiographs (default: all). Raises DataSetError when there is none."""
    count = len(films) if count is None else count
    pixels = np.empty((min(count, len(films)), spec.height, spec.width, 1), np.uint8)
    used: list[ListedFilm] = []
    for film in films:
        if len(used) == count:
            break
        try:
            film.input(spec, out=pixels[len(used), :, :, 0])
        except FileProblem:
            continue
        used.append(film)
        progress(len(used))
    if not used:
        raise DataSetError("no radiograph among the files: nothing to calibrate or measure on")
    labels = np.array([film.label for film in used]) if all(film.group in CLASSES for film in used) else None
    return Pictures(tuple(used), pixels[: len(used)], labels)


def _rank(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}|{text}".encode("utf-8", "surrogateescape")).hexdigest()


def _trained_folds(manifest: Manifest) -> set[int]:
    trained = manifest.data.get("trained_folds")
    return set(trained) if trained else set(range(HELD_OUT))
