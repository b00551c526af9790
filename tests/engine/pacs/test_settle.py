"""When a study is complete, with a clock that the tests turn."""

import pytest

from xscan.engine.pacs.settle import Settling, Why


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settling(clock: Clock) -> Settling:
    return Settling(quiet=60, longest=1800, clock=clock)


def test_quiet_and_closed(settling: Settling, clock: Clock) -> None:
    settling.arrived(1, "a")
    clock.now = 59
    settling.closed("a")
    assert settling.due() == []
    clock.now = 60
    assert settling.due() == [(1, Why.QUIET)]
    assert settling.due() == []


def test_an_open_association_holds_its_study(settling: Settling, clock: Clock) -> None:
    """mercure #32, #45: a study was closed while a series still arrived."""
    settling.arrived(1, "slow")
    clock.now = 600
    assert settling.due() == []
    settling.arrived(1, "slow")
    settling.closed("slow")
    clock.now = 659
    assert settling.due() == []
    clock.now = 660
    assert settling.due() == [(1, Why.QUIET)]


def test_two_associations_bring_one_study(settling: Settling, clock: Clock) -> None:
    settling.arrived(1, "a")
    settling.arrived(1, "b")
    settling.closed("a")
    clock.now = 100
    assert settling.due() == []
    settling.closed("b")
    assert settling.due() == [(1, Why.QUIET)]


def test_an_association_that_stays_open_holds_its_latest_study_only(settling: Settling, clock: Clock) -> None:
    """Routers keep one open all day, and send one study after the other."""
    for study in range(1, 6):
        clock.now = study * 40.0
        settling.arrived(study, "router")
    assert settling.due() == [(1, Why.QUIET), (2, Why.QUIET), (3, Why.QUIET)]
    clock.now = 400
    assert settling.due() == [(4, Why.QUIET)]
    settling.closed("router")
    assert settling.due() == [(5, Why.QUIET)]


def test_a_study_that_goes_on_arriving_for_an_hour(settling: Settling, clock: Clock) -> None:
    settled = []
    for second in range(0, 3601, 10):
        clock.now = second
        settling.arrived(1, "a")
        settled += [(second, *one) for one in settling.due()]
    assert settled == [(1800, 1, Why.LONGEST)]  # all that came until then
    settling.closed("a")
    clock.now = 3660
    assert settling.due() == [(1, Why.QUIET)]


def test_a_late_film_opens_its_study_again(settling: Settling, clock: Clock) -> None:
    settling.arrived(1)
    clock.now = 60
    assert settling.due() == [(1, Why.QUIET)]
    clock.now = 5000
    settling.arrived(1, "b")
    settling.closed("b")
    assert settling.due() == []
    clock.now = 5060
    assert settling.due() == [(1, Why.QUIET)]


def test_closing_what_never_brought_a_film(settling: Settling) -> None:
    settling.closed("echo")
    assert settling.associations == []
