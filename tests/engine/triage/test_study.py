"""What a study's band is: of its most urgent scored frontal film, doubts joined."""

import pytest

from xscan.engine.lists.table import Row
from xscan.engine.triage.study import study


def film(band: str, score: float, code: str = "", status: str = "") -> Row:
    status = status or ("review" if code else "ok")
    return Row(
        f"{band}{score}", status, band, "normal", p_pneumonia=f"{score:.4f}", reason=f"{code}: x" if code else ""
    )


def beside(code: str, status: str = "skipped") -> Row:
    return Row(code, status, reason=f"{code}: x")


@pytest.mark.parametrize(
    ("films", "band", "score", "doubts", "shown"),
    [
        ([film("routine", 0.1), film("urgent", 0.9)], "urgent", "0.9000", (), {}),
        ([film("urgent", 0.7), film("urgent", 0.9)], "urgent", "0.9000", (), {}),
        ([film("routine", 0.1), beside("lateral")], "routine", "0.1000", (), {"lateral": 1}),
        ([film("routine", 0.1), film("urgent", 0.9, "for-processing")], "routine", "0.1000", (), {"raw": 1}),
        ([film("routine", 0.1), beside("presentation-double")], "routine", "0.1000", (), {"raw": 1}),
        # An odd view does not decide, but its doubt keeps the study from being routine.
        ([film("routine", 0.1), film("urgent", 0.9, "view")], "review", "0.1000", ("view",), {"lateral": 1}),
        ([film("review", 0.1, "adult"), film("routine", 0.05)], "review", "0.1000", ("adult",), {}),
        ([film("routine", 0.1), beside("truncated", "failed")], "review", "0.1000", ("truncated",), {}),
        # Nothing else was scored: then these decide.
        ([film("review", 0.4, "for-processing")], "review", "0.4000", ("for-processing",), {}),
        ([film("urgent", 0.9, "view"), beside("lateral")], "urgent", "0.9000", ("view",), {"lateral": 1}),
    ],
)
def test_the_band_of_a_study(films: list[Row], band: str, score: str, doubts: tuple, shown: dict):
    for order in (films, films[::-1]):
        found = study(order)
        assert found.film is not None
        assert (found.band, found.film.p_pneumonia, set(found.doubts), found.beside) == (
            band,
            score,
            set(doubts),
            shown,
        )


def test_a_study_of_which_nothing_was_scored_has_no_band():
    found = study([beside("lateral"), beside("corrupt", "failed")])
    assert (found.band, found.film, found.doubts, found.beside) == (None, None, ("corrupt",), {"lateral": 1})


def test_films_of_a_study_are_not_held_against_each_other(monkeypatch: pytest.MonkeyPatch):
    """An anonymiser may have made one study of all films: then each would be compared with all others."""
    films = [film("routine", 0.1), beside("lateral"), film("urgent", 0.9, "view"), beside("truncated", "failed")]

    def compared(*_: object) -> bool:
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(Row, "__eq__", compared)
        assert study(films).beside == {"lateral": 2}
