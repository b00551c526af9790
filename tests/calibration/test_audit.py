"""What a list was worth, against known truths."""

import csv
import io
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from xscan.calibration.audit import audit, trained_films
from xscan.calibration.points.reference import reference, stability_index
from xscan.calibration.statistics.intervals import rate
from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.engine.dataset.trained_on import write_record
from xscan.engine.errors import OutputError, UsageError

from ..engine.report.lists import MANIFEST, made_up_rows, write_list


@pytest.fixture
def night(tmp_path: Path) -> Path:
    rows = made_up_rows(2000)
    for i, row in enumerate(rows):
        row.modified = f"2026-{10 + i % 2}-22T21:14:03.000000Z"
    write_list(tmp_path / "night.csv", rows)
    return tmp_path / "night.csv"


def write_truth(path: Path, lines: list[str]) -> Path:
    path.write_text("file,truth\n" + "".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_figures_match_a_count_by_hand(night: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [row for row in made_up_rows(2000) if row.priority]
    sick = rng.random(len(rows)) < np.array([float(row.p_pneumonia) for row in rows])
    lines = [
        f'"{row.file}",{"virus" if s else "normal"}'
        for row, s in zip(rows, sick, strict=True)
        if not row.file.startswith("=")
    ]
    truth = write_truth(tmp_path / "truth.csv", [*lines, "nobody.dcm,normal"])
    p = np.array([float(row.p_pneumonia) for row in rows])
    found = audit([night], truth, replace(MANIFEST, results=reference(p, sick)))
    assert found.matched == len(lines)
    assert found.unmatched_truth == 1
    urgent = [s for row, s in zip(rows, sick, strict=True) if row.priority == "urgent" and row.file[0] != "="]
    assert found.bands["urgent"]["films"] == len(urgent)
    assert found.bands["urgent"]["ppv"]["value"] == pytest.approx(np.mean(urgent))
    assert found.calibration["ece"] < 0.04  # truths were drawn from the scores
    assert list(found.months) == ["2026-10", "2026-11"]
    assert max(month["psi"] for month in found.months.values()) < 0.1
    assert sum(month["matched"] for month in found.months.values()) == len(lines)
    for month in found.months.values():
        assert month["expected"] == pytest.approx(month["found"], abs=0.05)
    text = found.as_text()
    assert "2026-10" in text
    assert "another population" not in text


def test_drift_is_seen() -> None:
    rng = np.random.default_rng(0)
    then = rng.beta(0.5, 0.9, 3000)
    known = reference(then, rng.random(3000) < then)["distribution"]
    assert stability_index(rng.beta(0.5, 0.9, 1000), known) < 0.05
    assert stability_index(rng.beta(3, 0.9, 1000), known) > 0.25


def test_wilson_interval() -> None:
    assert rate(0, 0)["value"] is None
    share = rate(98, 100)
    assert share["low"] == pytest.approx(0.9300, abs=1e-4)
    assert share["high"] == pytest.approx(0.9945, abs=1e-4)


@pytest.mark.parametrize(
    ("encoding", "separator", "header"),
    [
        ("cp1252", ";", "Dateiname;Befund"),
        ("utf-16", "\t", "archivo\tdiagnóstico"),
        ("utf-8-sig", ",", "file,truth"),
    ],
)
def test_truths_and_lists_that_a_spreadsheet_saved(
    night: Path, tmp_path: Path, encoding: str, separator: str, header: str
) -> None:
    rows = [row for row in made_up_rows(2000) if row.priority and row.file[0] != "="]
    words = {"cp1252": ("virale Pneumonie", "o. B."), "utf-16": ("NEUMONÍA", "no")}.get(encoding, ("virus", "normal"))
    lines = [header] + [f'"{row.file}"{separator}{words[i % 2]}' for i, row in enumerate(rows)]
    (tmp_path / "t.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    expected = audit([night], tmp_path / "t.csv", MANIFEST)
    assert expected.matched == len(rows)

    with night.open(newline="", encoding="utf-8") as stream:
        cells = list(csv.reader(stream))
    again = io.StringIO(newline="")
    csv.writer(again, delimiter=separator).writerows(cells)
    (tmp_path / "again.csv").write_bytes(again.getvalue().encode(encoding, "replace"))
    assert audit([tmp_path / "again.csv"], tmp_path / "t.csv", MANIFEST).as_dict() == expected.as_dict()


def test_mistakes_are_named(night: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 2"):
        audit([night], write_truth(tmp_path / "t.csv", ["a,perhaps"]), MANIFEST)
    with pytest.raises(UsageError, match="no scored film"):
        audit([night], write_truth(tmp_path / "t.csv", ["a,normal"]), MANIFEST)
    (tmp_path / "t.csv").write_text("film,truth\n", encoding="utf-8")
    with pytest.raises(UsageError, match="file, sop_uid, study_uid: it has film, truth"):
        audit([night], tmp_path / "t.csv", MANIFEST)
    with pytest.raises(UsageError, match="no list"):
        audit([tmp_path / "none.csv"], write_truth(tmp_path / "t.csv", ["a,normal"]), MANIFEST)


def test_films_that_the_network_was_trained_on_are_left_out(night: Path, tmp_path: Path) -> None:
    rows = [row for row in made_up_rows(2000) if row.priority]
    truth = write_truth(tmp_path / "truth.csv", [f'"{r.file}",normal' for r in rows if r.file[0] != "="])
    whole = audit([night], truth, MANIFEST)
    assert whole.trained_on is None
    assert "not looked up" in whole.as_text()
    known = {row.file for row in rows[:40] if row.file[0] != "="}
    left = audit([night], truth, MANIFEST, known)
    assert (left.trained_on, left.matched) == (len(known), whole.matched - len(known))
    assert f"left out: {len(known)} films" in left.as_text()
    with pytest.raises(UsageError, match="trained on all films"):
        audit([night], truth, MANIFEST, {row.file for row in rows})


def test_a_long_list_is_not_held_in_memory_row_by_row(night: Path, tmp_path: Path) -> None:
    rows = [row for row in made_up_rows(2000) if row.priority and row.file[0] != "="]
    truth = write_truth(tmp_path / "truth.csv", [f'"{row.file}",normal' for row in rows[:10]])
    lists = [night] * 2
    audit(lists, truth, MANIFEST)  # imports and caches
    tracemalloc.start()
    try:
        found = audit(lists, truth, MANIFEST)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak / (found.matched + found.without_truth) < 400  # bytes; a row has about 1,000


def test_trained_films_are_found_in_the_scanned_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(4):
            cv2.imwrite(str(tmp_path / "set" / name / f"{name}{i}.png"), rng.integers(0, 256, (40, 50), np.uint8))
    files = [f"{name}/{name}{i}.png,{name}-{i},{i}" for name in CLASSES for i in range(4)]
    (tmp_path / "set.csv").write_text("\n".join(["file,patient,fold", *files]) + "\n")
    data = load_folder(tmp_path / "set")
    write_record(data, tmp_path)
    folds = sorted({film.fold for film in data.films if film.fold is not None})
    manifest = replace(MANIFEST, data={"fingerprint": data.fingerprint, "trained_folds": folds[:-1]})
    (tmp_path / "export").mkdir()
    seen = {film.file: film.fold in folds[:-1] for film in data.films}
    for i, file in enumerate(seen):
        shutil.copy(tmp_path / "set" / file, tmp_path / "export" / f"{i}.png")
    found = trained_films(tmp_path / "export", manifest, tmp_path)
    assert found is not None
    assert found == {f"{i}.png" for i, was in enumerate(seen.values()) if was}
    assert 0 < len(found) < len(seen)
    assert trained_films(tmp_path / "export", MANIFEST, tmp_path) is None


def test_a_scored_row_without_its_number_is_said(night: Path, tmp_path: Path) -> None:
    scored = next(row for row in made_up_rows(2000) if row.priority and row.file.isascii() and row.file[0] != "=")
    truth = write_truth(tmp_path / "truth.csv", [f'"{scored.file}",normal'])
    night.write_text(night.read_text("utf-8").replace(f",{scored.p_pneumonia},", ",,", 1), "utf-8", newline="\n")
    with pytest.raises(OutputError, match=r"night\.csv is damaged"):
        audit([night], truth, MANIFEST)
