"""One pass over the films of a data set: sizes, intensity, and what finds copies by content."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from xscan.engine import CLASSES
from xscan.engine.dataset.films import DataSet, ListedFilm
from xscan.engine.dataset.packed import read_facts, unreadable
from xscan.engine.errors import DataSetError, FileProblem
from xscan.engine.read.apart import read_apart

SIDE = 16  #: of the content hash: SIDE x SIDE bits
THUMB = 32  #: side of the small copy that tells copies from films with alike outlines


@dataclass(frozen=True)
class Survey:
    """What was measured; all arrays are over `films`, in their order."""

    films: tuple[ListedFilm, ...]  #: the readable ones
    unreadable: list[dict[str, str]]  #: file, reason
    facts: np.ndarray  #: int64 [films, 4]: rows, columns, bytes of the file, bits of a stored value
    mean: np.ndarray  #: float64 [films]: grey level, 0 to 255
    spread: np.ndarray  #: float64 [films]: standard deviation of the grey levels
    histograms: np.ndarray  #: float64 [classes, 256]: mean share of the pixels at each grey level
    sha256: np.ndarray  #: uint8 [films, 32]: of the files
    hashes: np.ndarray  #: uint64 [films, 4]: content hashes
    thumbs: np.ndarray  #: uint8 [films, 32, 32]: area-averaged copies

    @property
    def labels(self) -> np.ndarray:
        """int64 [films], index into CLASSES."""
        return np.array([film.label for film in self.films], np.int64)

    @property
    def patients(self) -> np.ndarray:
        """str [films]."""
        return np.array([film.patient for film in self.films])


def survey(data: DataSet, progress: Callable[[int], None] = lambda _: None) -> Survey:
    """Read every film once. Raises DataSetError when none can be read."""
    packed = _packed_facts(data)
    films, failed, facts, digests, means, spreads, hashes, thumbs = [], [], [], [], [], [], [], []
    histograms = np.zeros((len(CLASSES), 256))
    for number, film in enumerate(data.films, 1):
        try:
            grey, known, digest = _read(film) if packed is None else (film.grey(), *packed[film.file])
        except FileProblem as problem:
            failed.append({"file": film.file, "reason": problem.reason})
        else:
            films.append(film)
            facts.append(known)
            digests.append(digest)
            levels = np.bincount(grey.reshape(-1), minlength=256) / grey.size
            histograms[film.label] += levels
            mean = levels @ np.arange(256)
            means.append(mean)
            spreads.append(np.sqrt(levels @ (np.arange(256) - mean) ** 2))
            hashes.append(content_hash(grey))
            thumbs.append(thumb(grey))
        progress(number)
    if not films:
        raise DataSetError("no film can be read: check that the folder holds radiographs (xscan inspect FILE says why)")
    labels = np.bincount([film.label for film in films], minlength=len(CLASSES))
    if packed is not None:
        failed = unreadable(data.films[0].path)
    return Survey(
        films=tuple(films),
        unreadable=failed,
        facts=np.array(facts, np.int64),
        mean=np.array(means),
        spread=np.array(spreads),
        histograms=histograms / np.maximum(labels, 1)[:, None],
        sha256=np.stack(digests),
        hashes=np.stack(hashes),
        thumbs=np.stack(thumbs),
    )


def content_hash(grey: np.ndarray) -> np.ndarray:
    """uint64 [4]: is each cell of a 16 x 17 area-averaged copy brighter than its left neighbour?

    The difference hash: it hardly changes with size, compression, brightness or contrast.
    grey: uint8 [rows, columns].
    """
    small = cv2.resize(grey, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1]).view(np.uint64)


def thumb(grey: np.ndarray) -> np.ndarray:
    """uint8 [32, 32]: an area-averaged copy. grey: uint8 [rows, columns]."""
    return cv2.resize(grey, (THUMB, THUMB), interpolation=cv2.INTER_AREA)


def _read(film: ListedFilm) -> tuple[np.ndarray, tuple[int, ...], np.ndarray]:
    read = read_apart(film.found)
    facts = read.film.facts
    return read.film.grey, (facts.rows, facts.columns, read.size, facts.bits), np.frombuffer(read.sha256, np.uint8)


def _packed_facts(data: DataSet) -> dict[str, tuple[np.ndarray, np.ndarray]] | None:
    """By file: the facts and the sha256 that a packed set keeps; None for a folder."""
    if not data.films or data.films[0].matrix is None:
        return None
    files, facts, digests = read_facts(data.films[0].path)
    return {str(file): (fact, digest) for file, fact, digest in zip(files, facts, digests, strict=True)}
