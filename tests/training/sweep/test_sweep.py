"""A sweep: chosen on validation patients, resumed, shared by several processes, and honest about it."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from xscan.calibration.points.scores import COLUMNS
from xscan.training.sweep.scores import Score, read_score

from ...conftest import Xscan
from ..films import labelled, striped

RECIPE = """
epochs = 6
reduction = 3
reference = "tiny"

[settings]
batch_size = 8

[networks]
lenet   = { architecture = "lenet5", activation = "relu", heads = [16] }
narrow  = { architecture = "lenet5", filters = [4], heads = [8] }
tiny    = { architecture = "seed", filters = [8], heads = [], learning_rate = 0.0 }
large   = { architecture = "seed" }
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 tiny pictures, two of each patient."""
    folder = tmp_path_factory.mktemp("data") / "films"
    return labelled(folder, 30, striped(40), lambda name, i: f"{name}{i // 2},{i // 2 % 10}")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE.replace("[settings]", "[settings]\nvalidate = [8]"))
    return path


@pytest.fixture(scope="module")
def swept(films: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A sweep by two processes at once, and what they said."""
    out = tmp_path_factory.mktemp("sweeps") / "one"
    command = [sys.executable, "-m", "xscan.cli", "sweep", recipe, "--data", films, "--out", out, "--size", "32"]
    both = [
        subprocess.Popen([*map(str, command), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = []
    for process in both:
        stdout, stderr = process.communicate(timeout=1200)
        assert process.returncode == 0, stderr
        assert json.loads(stdout)["complete"]
        said += stderr.splitlines()
    return out, said


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "leaderboard.csv").open(newline="", encoding="utf-8") as stream:
        return {row["name"]: row for row in csv.DictReader(stream)}


def test_two_processes_never_train_the_same_network(swept: tuple[Path, list[str]]) -> None:
    out, said = swept
    trained = Counter(re.sub(r"accuracy \S+|\(.*\)", "", line) for line in said if " after " in line)
    assert set(trained.values()) == {1}, trained
    for name, row in rows(out).items():
        if not row["problem"]:
            history = (out / "grouped" / name / "history.csv").read_text().splitlines()
            assert [line.split(",")[0] for line in history[1:]] == [str(i) for i in range(int(row["epochs"]))]


def test_the_leaderboard_ranks_on_validation_patients(swept: tuple[Path, list[str]]) -> None:
    out, _ = swept
    found = rows(out)
    assert len(found) == 4
    assert "cannot be built for 32 x 32" in found["large"]["problem"]
    assert found["tiny"]["epochs"] == "6"  # the reference goes to the end, though it learns nothing
    decided = json.loads((out / "rung-2.json").read_text())
    assert set(decided["kept"]) == {decided["ranking"][0][0], "tiny"}  # one in three, and the reference
    accuracies = [accuracy for _, accuracy, _ in decided["ranking"]]
    assert accuracies == sorted(accuracies, reverse=True)
    for name in decided["kept"]:
        row = found[name]
        for column, protocol, part in (
            ("validation", "grouped", "validate"),
            ("test", "grouped", "hold_out"),
            ("study", "random", "hold_out"),
        ):
            score = read_score(out / protocol / name / "scores.csv", part)
            assert float(row[f"{column}_accuracy"]) == round(score.accuracy, 4)
        assert int(row["parameters"]) > 0
        assert float(row["ms_a_film"]) > 0
    study = read_score(out / "random" / "tiny" / "scores.csv", "hold_out")
    assert study.films == 18  # 20 % of 90


def test_the_page_needs_nothing_else_and_shows_the_optimism(swept: tuple[Path, list[str]]) -> None:
    page = (swept[0] / "leaderboard.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert not re.search(r'(src|href)="(?!#)', page)
    for text in ("best of all on the test part", "choosing on the test part adds", "the random split adds"):
        assert text in page


def test_run_again_it_trains_nothing_and_guards_its_folder(
    swept: tuple[Path, list[str]], films: Path, recipe: Path, xscan: Xscan
) -> None:
    out, _ = swept
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.keras")}
    done = xscan("sweep", recipe, "--data", films, "--out", out, "--size", "32")
    assert done.returncode == 0, done.stderr
    assert " after " not in done.stderr
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.keras")} == before
    done = xscan("sweep", recipe, "--data", films, "--out", out, "--size", "48")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "other options or data" in done.stderr


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_hours_stop_a_sweep_and_it_goes_on(films: Path, recipe: Path, tmp_path: Path) -> None:
    from xscan.engine.dataset.folder import load_folder
    from xscan.training.sweep.leaderboard import leaderboard
    from xscan.training.sweep.recipe import read_recipe
    from xscan.training.sweep.search import Sweep, open_sweep, search

    wanted = read_recipe(str(recipe), epochs=2, size=32, only=["narrow", "tiny"])
    late = Sweep(wanted, load_folder(films), tmp_path / "out", deadline=time.monotonic() + 0.1, say=lambda _: None)
    open_sweep(late)
    assert not search(late)  # stopped after the first epoch of the first network
    assert "not finished" in leaderboard(late, False).as_text()
    assert json.loads((late.out / "grouped" / "narrow" / "run.json").read_text())["epochs_done"] == 1
    assert search(replace(late, deadline=None))
    assert [entry.epochs for entry in leaderboard(late, True).entries] == [2, 2]


def test_fewer_go_on_where_the_hours_would_not_suffice(films: Path, recipe: Path, tmp_path: Path) -> None:
    from xscan.engine.dataset.folder import load_folder
    from xscan.training.sweep.recipe import read_recipe
    from xscan.training.sweep.search import Sweep, _affordable

    names = ["lenet", "narrow", "tiny"]
    sweep = Sweep(read_recipe(str(recipe)), load_folder(films), tmp_path)
    sweep = replace(sweep, recipe=replace(sweep.recipe, reduction=1))
    for name in names:
        sweep.folder("grouped", name).mkdir(parents=True)
        (sweep.folder("grouped", name) / "run.json").write_text('{"seconds_an_epoch": 100}')
    assert _affordable(sweep, 0, names) == 3
    # Four more epochs of each are 400 s; half of the time is for the study's protocol.
    for jobs, seconds, fit in ((1, 1700, 2), (2, 1700, 3), (1, 900, 1), (1, 10, 1)):
        assert _affordable(replace(sweep, jobs=jobs, deadline=time.monotonic() + seconds), 0, names) == fit


def test_the_studys_split_is_stratified_and_blind_to_patients(films: Path) -> None:
    from xscan.engine.dataset.folder import load_folder
    from xscan.training.data.split import study_split
    from xscan.training.sweep.search import STUDY_TEST, STUDY_TRAIN, _study_data

    data = load_folder(films)
    one, again = _study_data(data, 0), _study_data(data, 0)
    assert (one.films, one.fingerprint) == (again.films, again.fingerprint)
    assert one.fingerprint != data.fingerprint
    test = one.folds([STUDY_TEST])
    assert np.bincount(test.labels).tolist() == [6, 6, 6]
    train = one.folds([STUDY_TRAIN])
    assert set(test.patients) & set(train.patients)
    drawn = dict(zip((film.file for film in data.films), study_split(data.labels, 0), strict=True))
    assert {film.file for film in test.films} == {file for file, part in drawn.items() if part == "test"}


def score_of(folder: Path, right: np.ndarray, patients: np.ndarray) -> Score:
    """What a scores.csv of these films says; all are normal."""
    lines = [
        f"{n}.png,normal,{p},0,validate,{x:d},{not x:d},0" for n, (p, x) in enumerate(zip(patients, right, strict=True))
    ]
    (folder / "scores.csv").write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
    return read_score(folder / "scores.csv", "validate")


def test_intervals_draw_patients_not_films(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(40) < 0.7, 10)  # each patient's ten films share one fate
    by_patient = score_of(tmp_path, right, np.repeat(np.arange(40), 10))
    by_film = score_of(tmp_path, right, np.arange(400))
    assert by_patient.high - by_patient.low > 2 * (by_film.high - by_film.low)
    everything = score_of(tmp_path, np.ones(9, bool), np.arange(9))
    assert (everything.low, everything.high) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("epochs = 6", "epochs = 'six'"), "whole numbers"),
        (("epochs = 6", "epoch = 6"), "unknown key 'epoch'"),
        (("epochs = 6", "epochs = 0"), "epochs must be at least 1"),
        (("batch_size = 8", "batch_size = 0"), "batch_size must be at least 1"),
        (("batch_size = 8", "batch = 8"), "[settings] has no 'batch'"),
        (("filters = [4]", "filter = [4]"), "'lenet5' has no option 'filter'"),
        (('reference = "tiny"', 'reference = "none"'), "no network 'none'"),
        (("[networks]", "[networks"), "not TOML"),
        (("batch_size = 8", "validate = [3]\nhold_out = []"), "`hold_out` lack films of a class"),
    ],
)
def test_a_recipe_that_means_nothing_is_one_line(
    films: Path, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.errors import UsageError
    from xscan.training.sweep.recipe import read_recipe
    from xscan.training.sweep.search import Sweep, open_sweep

    (tmp_path / "r.toml").write_text(RECIPE.replace(*change))
    with pytest.raises(UsageError, match=re.escape(says)):
        open_sweep(Sweep(read_recipe(str(tmp_path / "r.toml")), load_folder(films), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
