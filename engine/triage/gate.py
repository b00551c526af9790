"""When the model may not decide: three kinds of signal, each film's first doubt is its reason.

DICOM facts       doubts of the header, the patient's age (never written out)
the picture       contrast, exposure, letters over the lungs (`look.look_at`)
the network       scores of its output `gate`, made from its own features in the same graph

Thresholds stand in the manifest's `gate`:
  {"ages": [1, 6], "scores": [{"name": "distance", "code": "out-of-domain", "threshold": 1.2}, ...], "measured": {...}}
A score may have a second, lower threshold, `routine`, for films without an age that would otherwise be routine: a film
that nobody reads soon is to be a child's beyond doubt.
A network without them is gated by facts and picture alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..network.manifest import Manifest
from ..read.film import Facts
from ..reasons import REVIEW
from .look import Look

ADULT = 18.0  #: years
TALL = 1.3  #: metres; one in a thousand of five-year-olds is taller than 1.25 (WHO growth reference 2007)
SPREAD = 20.0  #: grey levels; good films have 28 and more
DARK, BRIGHT = 60.0, 225.0  #: median; good films have 65 to 208
BLACK = 0.18  #: share; good films have at most 0.17
WHITE = 0.25  #: share; good films have at most 0.06
LETTERS = 11  #: of a thousand good films one or two have more

#: What the network's scores say: the list's own sentences, but where another signal has the same code.
_SENTENCES = REVIEW | {"adult": "looks like an adult's film", "exposure": "looks over- or underexposed"}


def doubt(
    facts: Facts, look: Look, scores: Sequence[float] | None, gate: dict[str, Any], *, routine: bool = False
) -> tuple[str, str] | None:
    """The first reason why the model may not decide on a film, as (code, sentence), or None.

    scores: the network's `gate` output for this film, where it has one. gate: the manifest's. routine: by its
    probabilities alone the film would be routine.
    """
    if facts.doubts:
        return facts.doubts[0]
    wary = routine and facts.age_years is None
    return _by_age(facts, gate) or _by_look(look) or _by_network(scores, gate, wary)


def doubted(scores: np.ndarray, manifest: Manifest) -> np.ndarray:
    """Whom the network's scores alone send to review. scores: float [films, scores]; returns bool [films]."""
    thresholds = np.array([rule["threshold"] for rule in manifest.gate.get("scores", ())])
    return np.asarray(~(scores[:, : len(thresholds)] <= thresholds).all(axis=1))


def _by_age(facts: Facts, gate: dict[str, Any]) -> tuple[str, str] | None:
    if facts.age_years is None:
        tall = facts.height_m is not None and facts.height_m > TALL
        return ("age", "by DICOM height older than the patients that the model was trained on") if tall else None
    if facts.age_years >= ADULT:
        return "adult", "by DICOM age"
    ages = gate.get("ages")
    if ages and not ages[0] <= facts.age_years < ages[1]:
        return "age", "by DICOM age outside the ages that the model was trained on"
    return None


def _by_look(look: Look) -> tuple[str, str] | None:
    if look.spread < SPREAD:
        return "blank", REVIEW["blank"]
    if look.black > BLACK or look.middle < DARK:
        return "exposure", "much of it is black"
    if look.white > WHITE or look.middle > BRIGHT:
        return "exposure", "much of it is white"
    if look.letters > LETTERS:
        return "burnt-in-text", REVIEW["burnt-in-text"]
    return None


def _by_network(scores: Sequence[float] | None, gate: dict[str, Any], wary: bool) -> tuple[str, str] | None:
    """The score furthest over its threshold; what can be named goes before mere distance."""
    if scores is None:
        return None
    over = [
        (rule["name"] != "distance", float(score) - rule["threshold"], rule["code"])
        for rule, score in zip(gate.get("scores", ()), scores, strict=False)
        # a score that is no number is a doubt, too
        if not float(score) <= (rule.get("routine", rule["threshold"]) if wary else rule["threshold"])
    ]
    if not over:
        return None
    code = max(over)[2]
    return code, _SENTENCES[code]
