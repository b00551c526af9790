"""Rules that hang on more than one film."""

from dataclasses import replace

from xscan.engine.lists.doubles import Doubles
from xscan.engine.lists.table import Row

FILM = Row("a", "ok", "routine", "normal", "0.9", "0.05", "0.05", "0.1", "", "st", "se", "so", "m@1", "1", "t")
RAW = replace(FILM, status="review", priority="review", reason="for-processing: raw", sop_uid="raw")


def test_the_same_film_twice_is_skipped_and_another_with_its_uid_is_for_review() -> None:
    with Doubles() as doubles:
        assert doubles.see(FILM) == FILM
        double = doubles.see(replace(FILM, file="b"))
        assert (double.status, double.priority, double.p_normal) == ("skipped", "", "")
        assert double.sop_uid == "so"
        other = doubles.see(replace(FILM, file="c", p_normal="0.1", p_virus="0.85", p_pneumonia="0.9"))
        assert (other.status, other.priority, other.reason.partition(":")[0]) == ("review", "review", "uid-conflict")
        urgent = doubles.see(replace(FILM, file="d", p_normal="0.01", p_virus="0.94", priority="urgent"))
        assert (urgent.status, urgent.priority) == ("review", "urgent")


def test_films_without_uid_or_score_are_never_doubles() -> None:
    with Doubles() as doubles:
        for row in (replace(FILM, sop_uid=""), replace(FILM, status="failed"), replace(FILM, status="skipped")):
            assert doubles.see(row) == row
            assert doubles.see(row) == row


def test_raw_data_gives_way_to_its_film_for_presentation_in_either_order() -> None:
    for order in ((RAW, FILM), (FILM, RAW)):
        with Doubles() as doubles:
            for row in order:
                doubles.see(row)
            assert doubles.has_doubles
            assert doubles.resolve(RAW).reason.startswith("presentation-double")
            assert doubles.resolve(FILM) == FILM


def test_raw_data_alone_stays_for_review() -> None:
    with Doubles() as doubles:
        doubles.see(RAW)
        doubles.see(replace(FILM, series_uid="another"))
        assert not doubles.has_doubles
        assert doubles.resolve(RAW) == RAW


def test_an_odd_view_of_raw_data_is_no_film_for_presentation() -> None:
    """Of a film's doubts only the first is its reason: an oblique that is raw data says `view`."""
    oblique = replace(RAW, file="b", reason="view: another view", sop_uid="oblique")
    with Doubles() as doubles:
        doubles.see(oblique)
        doubles.see(RAW)
        assert doubles.resolve(RAW) == RAW
