"""Bands again from the numbers of a list, with a site's own operating points."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xscan.calibration.points.reference import reference
from xscan.engine.errors import EngineError, UsageError
from xscan.engine.lists.retriage import retriage
from xscan.engine.lists.table import read_rows
from xscan.engine.network.manifest import Manifest
from xscan.engine.triage.points import Wish, table, with_points

from ..report.lists import MANIFEST, made_up_rows, write_list


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    rng = np.random.default_rng(0)
    truth = rng.random(4000) < 0.7
    p = np.where(truth, rng.beta(5, 1.2, 4000), rng.beta(1, 6, 4000))
    return replace(MANIFEST, results=reference(p, truth))


@pytest.fixture
def night(tmp_path: Path) -> Path:
    write_list(tmp_path / "night.csv", made_up_rows(300))
    return tmp_path / "night.csv"


def test_same_points_same_bytes(night: Path, tmp_path: Path) -> None:
    counts = retriage(night, MANIFEST, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == night.read_bytes()
    assert not counts["moved"]


def test_other_points_move_films_and_a_doubtful_film_is_never_routine(night: Path, tmp_path: Path) -> None:
    wild = with_points(MANIFEST, Wish("threshold", 0.999), Wish("threshold", 0.9999))
    retriage(night, wild, tmp_path / "again.csv")
    with (tmp_path / "again.csv").open("rb") as stream:
        rows = list(read_rows(stream))
    assert {row.priority for row in rows if row.status == "ok"} == {"routine"}
    assert {row.priority for row in rows if row.status == "review"} == {"review"}
    assert not any(row.priority for row in rows if row.status in ("failed", "skipped"))


def test_only_told_without_out(night: Path) -> None:
    before = night.read_bytes()
    retriage(night, with_points(MANIFEST, Wish("threshold", 0.5)), None)
    assert night.read_bytes() == before
    assert sorted(p.name for p in night.parent.iterdir()) == ["night.csv", "night.csv.run.json"]


def test_wishes_are_kept(manifest: Manifest) -> None:
    for wanted in (0.9, 0.95, 0.98, 0.99, 0.995):
        low = with_points(manifest, rule_out=Wish("sensitivity", wanted), rule_in=Wish("threshold", 1)).rule_out
        assert low.sensitivity >= wanted
        high = with_points(manifest, Wish("threshold", 0), Wish("specificity", wanted)).rule_in
        assert high.specificity >= wanted
    assert "sensitivity" in table(manifest)


def test_a_threshold_never_promises_more_than_was_measured(manifest: Manifest) -> None:
    exact = {row[0]: row for row in manifest.results["curve"]}
    point = with_points(manifest, Wish("threshold", 0.1234)).rule_out
    above, below = min(t for t in exact if t >= 0.1234), max(t for t in exact if t <= 0.1234)
    assert point.sensitivity == exact[above][1]
    assert point.specificity == exact[below][2]


@pytest.mark.parametrize("text", ["", "0.5", "sensitivity", "sensitivity=2", "recall=0.5", "threshold=x"])
def test_unreadable_wishes(text: str) -> None:
    with pytest.raises(UsageError, match="operating point"):
        Wish.parse(text)


def test_impossible_wishes(manifest: Manifest) -> None:
    with pytest.raises(UsageError, match="below rule-out"):
        with_points(manifest, Wish("threshold", 0.9), Wish("threshold", 0.1))
    with pytest.raises(EngineError, match="no table"):
        with_points(MANIFEST, Wish.parse("sensitivity=0.99"))


def test_another_networks_list_is_refused(night: Path) -> None:
    with pytest.raises(UsageError, match=r"scored by compact@1"):
        retriage(night, replace(MANIFEST, version="2"), None)
