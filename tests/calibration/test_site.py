"""Acceptance on site: what passes, what fails, and what the films are too few to say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xscan.calibration.site import LIMITS, SiteReport, compared, judge, last_report, needed, write
from xscan.engine.errors import UsageError
from xscan.engine.lists.table import Row
from xscan.engine.runtime.open import find_engine, manifest_of_engine

MANIFEST = manifest_of_engine(find_engine("compact"))


def films(sick: int = 190, well: int = 90, seed: int = 0) -> tuple[list[Row], np.ndarray]:
    """Scored much as films from elsewhere are: hardly a pneumonia missed, a fifth of the normals called early."""
    draw = np.random.default_rng(seed)
    truth = np.array([True] * sick + [False] * well)
    p = np.where(truth, draw.beta(30, 1, len(truth)), draw.beta(0.3, 1.6, len(truth)))
    rows = []
    for number, score in enumerate(p):
        band = "urgent" if score >= MANIFEST.rule_in.threshold else "review"
        rows.append(Row(f"{number}", "ok", band, p_pneumonia=f"{score:.4f}"))
    return rows, truth


def outcome(rows: list[Row], truth: np.ndarray) -> str:
    return SiteReport(judge(rows, truth, np.arange(len(rows)), MANIFEST)).outcome


def test_films_like_those_from_elsewhere_pass():
    assert outcome(*films()) == "passed"


def test_swapped_labels_fail():
    rows, truth = films()
    assert outcome(rows, ~truth) == "failed"


def test_films_that_the_gate_doubts_fail():
    rows, truth = films()
    assert outcome([replace(row, status="review") for row in rows], truth) == "failed"


def test_a_network_that_misses_pneumonias_fails():
    rows, truth = films()
    rows[:30] = [replace(row, p_pneumonia="0.1000", priority="routine") for row in rows[:30]]
    assert outcome(rows, truth) == "failed"


def test_films_that_cannot_be_scored_fail():
    rows, truth = films()
    rows[::5] = [Row(row.file, "failed") for row in rows[::5]]
    assert outcome(rows, truth) == "failed"


def test_too_few_to_say():
    rows, truth = films(sick=12, well=8)
    rows[0] = replace(rows[0], p_pneumonia="0.1000", priority="routine")
    assert outcome(rows, truth) == "undecided"
    with pytest.raises(UsageError, match="both kinds"):
        judge(rows[:5], truth[:5], np.arange(5), MANIFEST)


def test_the_number_of_films_is_told_beforehand_and_is_enough():
    wanted = needed(MANIFEST)
    rows, truth = films(wanted["pneumonia"], wanted["normal"])
    shown = {check.figure: check.state for check in judge(rows, truth, np.arange(len(rows)), MANIFEST)}
    assert shown["pneumonias at or above rule-out"] == "shown"
    assert LIMITS.sensitivity_loss == 0.03


def test_a_report_bears_a_hash_and_is_compared_with_the_last(tmp_path: Path):
    rows, truth = films()
    facts = {"network": "compact@3", "engine_sha256": "a", "versions": {"xscan": "1"}, "films": len(rows)}
    report = SiteReport(judge(rows, truth, np.arange(len(rows)), MANIFEST), facts)
    assert last_report(tmp_path) is None
    (tmp_path / "b").mkdir()
    file, page = write(report, tmp_path)
    before = last_report(tmp_path)
    assert before is not None
    assert before["acceptance"] == "passed"
    shown = page.read_text(encoding="utf-8")
    assert before["sha256"] in shown
    assert "<td>xscan: 1</td>" in shown  # words, no JSON
    assert "kept: the figure is" in shown
    trained = replace(report, facts=facts | {"kept_though_trained_on": 3})
    assert "trained on 3 of these films" in write(trained, tmp_path / "b")[1].read_text(encoding="utf-8")
    other = facts | {"engine_sha256": "b", "versions": {"xscan": "2"}}
    assert compared(before, facts, new_network=False) == ([], [])
    assert [len(found) for found in compared(before, other, new_network=False)] == [1, 1]
    assert [len(found) for found in compared(before, other, new_network=True)] == [0, 2]
    failed = SiteReport(report.checks, other, ("another engine",))
    assert failed.outcome == "failed"
    (tmp_path / "acceptance-99990101T000000Z.json").write_text(json.dumps(failed.as_dict()), encoding="utf-8")
    assert last_report(tmp_path) == before  # a failed one is no measure for the next
    file.write_text(json.dumps(before | {"acceptance": "failed"}), encoding="utf-8")
    with pytest.raises(UsageError, match="changed or damaged"):
        last_report(tmp_path)
