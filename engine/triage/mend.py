"""Set a film right that stands wrong: turned, upside down, or with its polarity the wrong way round.

Only where it is certain: the network's gate names the fault, the header's PatientOrientation does not name another,
and the mended copy passes the gate with room to spare. A second look works on the network's input, which is a
square: turning it is the same as turning the film, so nothing is read again.

A mended film stays `review`, or `urgent` if its score then says so. It is never `routine`: the reading order may not
hang on a picture that a program has changed, and whoever exported it wrongly should hear of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..read.film import Facts

CLEAR = 4.0  #: log odds: the mended copy lies so far below the threshold that the film was over

UNLIKE = 2.0  #: log odds between half a turn and a flip: nearer than this, which of them it was is not certain
_ALIKE = {"half-turn": "flipped", "flipped": "half-turn"}
_QUARTERS = {"turned-left", "turned-right"}

Turn = Callable[[np.ndarray], np.ndarray]

#: The gate's score that names a fault -> what was done about it, how, and how a map of the result is turned back.
_WAYS: dict[str, tuple[str, Turn, Turn]] = {
    "inverted": ("its grey scale was turned round", lambda film: 255 - film, lambda drawn: drawn),
    "turned-left": (
        "turned by 90 degrees to the right",
        lambda film: np.rot90(film, -1),
        lambda drawn: np.rot90(drawn, 1),
    ),
    "turned-right": (
        "turned by 90 degrees to the left",
        lambda film: np.rot90(film, 1),
        lambda drawn: np.rot90(drawn, -1),
    ),
    "half-turn": ("turned by 180 degrees", lambda film: np.rot90(film, 2), lambda drawn: np.rot90(drawn, 2)),
    "flipped": ("flipped upright", lambda film: film[::-1], lambda drawn: drawn[::-1]),
}


def faults(facts: Facts, scores: Sequence[float], gate: dict[str, Any]) -> list[str]:
    """The faults that a second look may undo, one copy of the film each, by the names of their scores.

    They are the scores over their thresholds, mere distance left out, if the furthest is one that can be undone; of
    half a turn and a flip the further one. A quarter-turn is tried either way: a gate may see that a film lies on its
    side, and not on which, and a copy turned the wrong way stands on its head. scores: the network's `gate` output.
    """
    if facts.doubts:
        return []
    learned = {rule["name"] for rule in gate.get("scores", ())}
    over = [
        (float(score) - rule["threshold"], rule["name"])
        for rule, score in zip(gate.get("scores", ()), scores, strict=False)
        if rule["name"] != "distance" and float(score) > rule["threshold"]
    ]
    named = [name for _, name in sorted(over, reverse=True)]
    if not named or named[0] not in _WAYS:
        return []
    found = [name for name in named if name in _WAYS and _ALIKE.get(name) not in named[: named.index(name)]]
    if _QUARTERS & set(found):
        found += sorted((_QUARTERS & learned) - set(found))
    return [name for name in found if not facts.stands or name in ("inverted", facts.stands)]


def mended(picture: np.ndarray, name: str) -> np.ndarray:
    """A network input, [height, width, ...] and square where it is turned by 90 degrees, set right."""
    return _WAYS[name][1](picture)


def back(drawn: np.ndarray, name: str) -> np.ndarray:
    """A class map of the mended film, [height, width, ...], as it lies on the film as exported."""
    return _WAYS[name][2](drawn)


def is_certain(name: str, before: Sequence[float], after: Sequence[float], gate: dict[str, Any], facts: Facts) -> bool:
    """Is the film surely right now? before, after: the `gate` output for the film and for its mended copy."""
    names = [rule["name"] for rule in gate["scores"]]
    first, then = dict(zip(names, before, strict=False)), dict(zip(names, after, strict=False))
    if not all(float(then.get(rule["name"], "nan")) <= rule["threshold"] for rule in gate["scores"]):
        return False
    if facts.stands == name:
        return True
    other = _ALIKE.get(name)
    if other in first and not float(first[name]) - float(first[other]) >= UNLIKE:
        return False
    return float(first[name]) - float(then[name]) >= CLEAR


def surest(before: Sequence[float], tried: Mapping[str, Sequence[float]], gate: dict[str, Any], facts: Facts) -> str:
    """The fault whose copy is surely right; '' if none is, or more than one is.

    before, tried: the `gate` output for the film, and by fault that for its copy.
    """
    sure = [name for name, after in tried.items() if is_certain(name, before, after, gate, facts)]
    return sure[0] if len(sure) == 1 else ""


def reason(name: str, facts: Facts) -> tuple[str, str]:
    """What the row says of it."""
    seen = "as its DICOM orientation says" if facts.stands == name else "after which it passes the gate"
    return "mended", f"{_WAYS[name][0]}, {seen}"
