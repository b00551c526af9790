"""Films that are the same picture: byte-identical files, and near copies by content."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .survey import Survey

# How they were chosen: docs/data.md.
RADIUS = 16  #: bits of 256 by which the content hashes of near copies may differ
LIKENESS = 0.985  #: correlation that the small copies of near copies have at least
_BLOCK = 256  #: films compared with all others at a time


@dataclass(frozen=True)
class Copies:
    exact: list[list[int]]  #: groups of films whose files are the same bytes; index into the survey's films
    near: list[tuple[int, int, float]]  #: film, film, likeness of the two; not of an exact group


def find_copies(survey: Survey) -> Copies:
    """All groups of exact and all pairs of near copies, in the order of the films."""
    by_content = defaultdict(list)
    for i, digest in enumerate(survey.sha256):
        by_content[digest.tobytes()].append(i)
    first = {i: group[0] for group in by_content.values() for i in group}
    near = []
    for i, j, _ in close_pairs(survey.hashes, RADIUS):
        if first[i] != first[j] and (alike := likeness(survey.thumbs[i], survey.thumbs[j])) >= LIKENESS:
            near.append((i, j, alike))
    return Copies([group for group in by_content.values() if len(group) > 1], near)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two small copies, -1 to 1; 0 where one is of a single grey. uint8 [32, 32] both."""
    a, b = (x - x.mean() for x in (one.astype(np.float64), other.astype(np.float64)))
    return float((a * b).sum() / max(np.sqrt((a**2).sum() * (b**2).sum()), 1e-9))


def close_pairs(hashes: np.ndarray, radius: int) -> list[tuple[int, int, int]]:
    """Pairs i < j of uint64 [films, words] whose Hamming distance is at most `radius`, and that distance.

    Every pair is compared: 13.6 million for 5,216 films, in blocks.
    """
    pairs = []
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK]
        bits = np.bitwise_count(block[:, None] ^ hashes[None, start:]).sum(axis=2, dtype=np.int64)
        for i, j in zip(*np.nonzero(bits <= radius), strict=True):
            if i < j:
                pairs.append((int(start + i), int(start + j), int(bits[i, j])))
    return pairs


def groups_of(patients: Iterable[str], copies: Copies) -> np.ndarray:
    """int64 [films]: films with the same number are of one patient, or copies, or linked by a chain of those."""
    of_patient = defaultdict(list)
    for i, patient in enumerate(patients):
        of_patient[patient].append(i)
    parent = list(range(sum(map(len, of_patient.values()))))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def join(films: Iterable[int]) -> None:
        first, *rest = films
        for other in rest:
            a, b = sorted((root(first), root(other)))
            parent[b] = a

    for films in (*of_patient.values(), *copies.exact, *((i, j) for i, j, _ in copies.near)):
        join(films)
    return np.array([root(i) for i in range(len(parent))], np.int64)
