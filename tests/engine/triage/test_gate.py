"""When the model may not decide: facts, picture, network's scores, and which reason comes first."""

import numpy as np
import pytest

from xscan.calibration.gate.bad_films import KINDS, LEARNED
from xscan.engine.phantom.draw import draw
from xscan.engine.read.film import Facts
from xscan.engine.reasons import REVIEW
from xscan.engine.triage.gate import doubt
from xscan.engine.triage.look import look_at

GATE = {
    "ages": [1, 6],
    "scores": [
        {"name": "distance", "code": "out-of-domain", "threshold": 1.5},
        {"name": "inverted", "code": "inverted", "threshold": 0.0},
        {"name": "turned-left", "code": "rotated", "threshold": 0.0},
    ],
}
CALM = [1.0, -5.0, -5.0]


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    return (draw("normal", 3, 400, 520) >> 4).astype(np.uint8)


def code(film: np.ndarray, facts: Facts | None = None, scores: list[float] | None = None) -> str:
    found = doubt(facts or Facts(), look_at(film), scores, GATE)
    return found[0] if found else ""


def test_a_good_film_passes(film: np.ndarray) -> None:
    assert code(film, scores=CALM) == ""
    assert code(film, Facts(age_years=3.0), CALM) == ""


@pytest.mark.parametrize(("age", "expected"), [(60, "adult"), (18, "adult"), (12, "age"), (0.2, "age"), (5.9, "")])
def test_age_by_dicom(film: np.ndarray, age: float, expected: str) -> None:
    found = doubt(Facts(age_years=age), look_at(film), CALM, GATE)
    assert (found[0] if found else "") == expected
    assert found is None or str(round(age)) not in found[1]  # the age stays inside


def test_height_speaks_where_there_is_no_age(film: np.ndarray) -> None:
    assert code(film, Facts(height_m=1.75), CALM) == "age"
    assert code(film, Facts(height_m=1.05), CALM) == ""
    assert code(film, Facts(height_m=1.75, age_years=4.0), CALM) == ""
    assert "1.75" not in repr(Facts(height_m=1.75))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("uniform", "blank"),
        ("overexposed", "exposure blank"),
        ("underexposed", "exposure blank"),
        ("text-over-lungs", "burnt-in-text"),
    ],
)
def test_what_the_picture_shows(film: np.ndarray, kind: str, expected: str) -> None:
    found = [code(KINDS[kind](film, np.random.default_rng(i)), scores=CALM) for i in range(8)]
    assert sum(bool(f) and f in expected for f in found) >= 6


def test_what_the_network_says(film: np.ndarray) -> None:
    assert code(film, scores=[1.6, -5, -5]) == "out-of-domain"
    assert code(film, scores=[9.9, 0.5, -5]) == "inverted"  # what can be named goes before distance
    assert code(film, scores=[1.0, 0.5, 2.5]) == "rotated"
    assert code(film, scores=[float("nan"), -5, -5]) == "out-of-domain"


def test_a_film_without_an_age_is_doubted_sooner_where_it_would_be_routine(film: np.ndarray) -> None:
    gate = {"ages": [1, 6], "scores": [{"name": "adult", "code": "adult", "threshold": 2.0, "routine": -1.0}]}

    def asked(score: float, age: float | None, routine: bool) -> bool:
        return doubt(Facts(age_years=age), look_at(film), [score], gate, routine=routine) is not None

    assert asked(0.0, None, True)
    assert not asked(0.0, None, False)  # it is read early anyway
    assert not asked(0.0, 3.0, True)  # a child by its header
    assert not asked(-1.5, None, True)
    assert asked(2.5, None, False)
    assert asked(2.5, 3.0, True)


def test_a_doubt_of_the_header_comes_first(film: np.ndarray) -> None:
    facts = Facts(doubts=[("for-processing", "raw detector data")], age_years=60)
    assert code(film, facts, [9, 9, 9]) == "for-processing"


def test_a_network_without_gate_still_has_picture_and_facts(film: np.ndarray) -> None:
    assert doubt(Facts(age_years=40), look_at(film), None, {}) == ("adult", "by DICOM age")
    assert doubt(Facts(), look_at(film), None, {}) is None


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (40, 2000), (3000, 2500)])
def test_any_size_can_be_looked_at(size: tuple[int, int]) -> None:
    assert look_at(np.zeros(size, np.uint8)).spread == 0


def test_every_learned_kind_has_a_listed_reason(film: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    for reason, make in LEARNED.values():
        assert reason in REVIEW
        made = make(film, rng)
        assert made.dtype == np.uint8
        assert made.ndim == 2
