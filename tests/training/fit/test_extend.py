"""A run that is extended, and settings that are refused before anything is written."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.folder import load_folder
from xscan.engine.errors import UsageError
from xscan.training.fit.settings import Settings
from xscan.training.fit.train import train

from ..films import labelled, striped

#: TensorFlow's own.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SMALL = Settings("lenet5", {"filters": [4], "heads": [8]}, size=32, epochs=1, batch_size=4, validate=(8,))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    folds = (0, 0, 0, 0, 8, 9)
    folder = tmp_path_factory.mktemp("data") / "films"
    return load_folder(labelled(folder, 6, striped(32), lambda name, i: f"{name}{i},{folds[i]}"))


@pytest.fixture(scope="module")
def finished(data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "one"
    assert train(data, SMALL, run, verbose=0) == 1
    return run


def epochs(run: Path) -> list[str]:
    return [line.split(",")[0] for line in (run / "history.csv").read_text().splitlines()[1:]]


def test_an_extended_run_is_the_same_however_often_it_was_interrupted(
    data: DataSet, finished: Path, tmp_path: Path
) -> None:
    longer = replace(SMALL, epochs=3)
    whole, halves = (Path(shutil.copytree(finished, tmp_path / name)) for name in ("whole", "halves"))
    assert train(data, longer, whole, resume=True, verbose=0) == 2
    assert epochs(whole) == ["0", "1", "2"]
    assert not (whole / "last.keras").exists()
    before = (halves / "final.keras").read_bytes()
    assert train(data, longer, halves, resume=True, deadline=time.monotonic(), verbose=0) == 1
    assert (halves / "final.keras").read_bytes() == before  # what was there stays until there is better
    with pytest.raises(UsageError, match=r"\(epochs 3\).*can be extended once it is finished"):
        train(data, replace(SMALL, epochs=4), halves, resume=True, verbose=0)
    assert train(data, longer, halves, resume=True, verbose=0) == 1
    assert (halves / "scores.csv").read_bytes() == (whole / "scores.csv").read_bytes()
    assert (halves / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()
    assert (whole / "scores.csv").read_bytes() != (finished / "scores.csv").read_bytes()
    assert train(data, longer, whole, resume=True, verbose=0) == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seed": 1}, r"made with other settings \(seed 0\)"),
        ({"epochs": 3, "seed": 1}, r"\(seed 0\)"),
        ({"size": 64, "batch_size": 2}, r"\(size 32, batch size 4\)"),
    ],
)
def test_another_run_is_told_from_an_extended_one(
    data: DataSet, finished: Path, changes: dict[str, int], told: str
) -> None:
    before = {path.name: path.read_bytes() for path in finished.iterdir() if path.is_file()}
    with pytest.raises(UsageError, match=told):
        train(data, replace(SMALL, **changes), finished, resume=True, verbose=0)
    assert {path.name: path.read_bytes() for path in finished.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"validate": (7,)}, "the folds 7 of --validate need films with and without"),
        ({"hold_out": (0, 9)}, "no training film of class"),
        ({"batch_size": 13}, "12 training films are fewer than one batch of 13"),
        ({"options": {"filters": [0]}}, "lenet5"),
        ({"options": {"heads": ["x"]}}, "lenet5"),
        ({"size": 3}, "cannot be built for 3 x 3"),
    ],
)
def test_settings_are_refused_before_anything_is_written(
    data: DataSet, tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        train(data, replace(SMALL, **changes), tmp_path / "runs" / "r", verbose=0)
    assert not list(tmp_path.iterdir())


def test_films_that_cannot_be_read_are_counted_before_anything_is_written(data: DataSet, tmp_path: Path) -> None:
    there = data.films[0].path.parents[1]
    folder = Path(shutil.copytree(there, tmp_path / "films"))
    shutil.copy(f"{there}.csv", tmp_path)
    for film in list(folder.glob("*/[0-2].png")):
        film.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.warns(UserWarning, match="could not be read"), pytest.raises(UsageError, match="fewer than one batch"):
        train(load_folder(folder), SMALL, tmp_path / "r", verbose=0)
    assert not (tmp_path / "r").exists()


def test_a_place_that_cannot_be_written_is_told_at_once(data: DataSet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for run in (tmp_path / "file", tmp_path / "file" / "r"):
        with pytest.raises(UsageError):
            train(data, SMALL, run, verbose=0)


def test_a_fold_is_not_validated_and_held_out() -> None:
    with pytest.raises(UsageError, match="fold 9 is both validated and held out"):
        Settings(validate=(8, 9))
    with pytest.raises(UsageError, match="learning rate must be a number"):
        Settings(learning_rate=float("nan"))
