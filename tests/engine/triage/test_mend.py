"""Films set right: which fault is named, when it is certain, and that turning the square is turning the film."""

import numpy as np
import pytest

from xscan.calibration.gate.bad_films import LEARNED
from xscan.engine.network.spec import InputSpec
from xscan.engine.phantom.draw import draw
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.read.film import Facts
from xscan.engine.reasons import REVIEW
from xscan.engine.triage.mend import CLEAR, back, faults, is_certain, mended, reason, surest

NAMES = ("distance", "adult", "inverted", "turned-left", "turned-right", "half-turn", "flipped")
GATE = {"scores": [{"name": name, "code": "", "threshold": 1.0 if name == "distance" else -1.0} for name in NAMES]}
MENDABLE = NAMES[2:]


def scores(**over: float) -> list[float]:
    """A film without doubt, but for what is given."""
    given = {name.replace("_", "-"): value for name, value in over.items()}
    return [given.get(name, 0.9 if name == "distance" else -6.0) for name in NAMES]


@pytest.mark.parametrize("name", MENDABLE)
def test_what_was_done_to_a_film_is_undone(name: str) -> None:
    film = (draw("normal", 3, 300, 400) >> 4).astype(np.uint8)
    spec = InputSpec(64, 64)
    wrong = LEARNED[name][1](film, np.random.default_rng(0))
    right = mended(to_input(wrong, spec)[..., None], name)[..., 0]
    assert np.abs(right.astype(int) - to_input(film, spec)).max() <= 1
    drawn = np.arange(75).reshape(5, 5, 3)
    if name != "inverted":
        np.testing.assert_array_equal(back(mended(drawn, name), name), drawn)
    assert reason(name, Facts())[0] in REVIEW


def test_every_fault_that_the_gate_names_is_tried_if_the_furthest_can_be_undone() -> None:
    assert faults(Facts(), scores(), GATE) == []
    assert faults(Facts(), scores(half_turn=2, flipped=3), GATE) == ["flipped"]
    assert faults(Facts(), scores(distance=9, inverted=0), GATE) == ["inverted"]
    assert faults(Facts(), scores(half_turn=2, inverted=0), GATE) == ["half-turn", "inverted"]
    assert faults(Facts(), scores(adult=5, inverted=3), GATE) == []  # it is something else first of all
    assert faults(Facts(doubts=[("view", "")]), scores(inverted=3), GATE) == []


def test_a_film_on_its_side_is_turned_either_way() -> None:
    assert faults(Facts(), scores(turned_left=2), GATE) == ["turned-left", "turned-right"]
    assert faults(Facts(), scores(half_turn=3, turned_right=2), GATE) == ["half-turn", "turned-right", "turned-left"]
    one_way = {"scores": [rule for rule in GATE["scores"] if rule["name"] != "turned-right"]}
    given = [score for name, score in zip(NAMES, scores(turned_left=2), strict=True) if name != "turned-right"]
    assert faults(Facts(), given, one_way) == ["turned-left"]


def test_dicom_decides_which_way_a_film_lies() -> None:
    lies = Facts(stands="half-turn")
    assert faults(lies, scores(half_turn=2), GATE) == ["half-turn"]
    assert faults(lies, scores(flipped=2), GATE) == []  # header and picture disagree: a person looks
    assert faults(lies, scores(inverted=2), GATE) == ["inverted"]
    assert faults(Facts(stands="turned-right"), scores(turned_left=2), GATE) == ["turned-right"]
    assert "DICOM" in reason("half-turn", lies)[1]


def test_one_copy_alone_may_be_right() -> None:
    before = scores(turned_left=2, turned_right=0)
    stands_on_its_head = scores(half_turn=3)
    assert (
        surest(before, {"turned-left": stands_on_its_head, "turned-right": scores()}, GATE, Facts()) == "turned-right"
    )
    assert surest(before, {"turned-left": scores(), "turned-right": scores()}, GATE, Facts()) == ""
    assert surest(before, {"turned-left": stands_on_its_head}, GATE, Facts()) == ""
    assert surest(before, {}, GATE, Facts()) == ""


def test_certain_is_a_copy_that_passes_by_far() -> None:
    before = scores(half_turn=0.0)
    assert is_certain("half-turn", before, scores(), GATE, Facts())
    close = scores(half_turn=0.0 - CLEAR + 0.5)
    assert not is_certain("half-turn", before, close, GATE, Facts())
    assert is_certain("half-turn", before, close, GATE, Facts(stands="half-turn"))
    either = scores(half_turn=0.0, flipped=-1.0)
    assert not is_certain("half-turn", either, scores(), GATE, Facts())
    assert is_certain("half-turn", either, scores(), GATE, Facts(stands="half-turn"))
    assert not is_certain("half-turn", before, scores(adult=0), GATE, Facts())
    assert not is_certain("half-turn", before, scores(distance=1.1), GATE, Facts(stands="half-turn"))
    assert not is_certain("half-turn", before, [float("nan")] * len(NAMES), GATE, Facts())
