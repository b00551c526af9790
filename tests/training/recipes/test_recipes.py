"""The recipe's command, from labelled films to what `xscan export` takes."""

import csv
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from xscan.calibration.points.scores import COLUMNS, read_scores
from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.training.architectures.registry import architecture
from xscan.training.recipes import default
from xscan.training.recipes.kinds import LEAN, SOFT_LABELS, from_labels, leaning

from ..films import labelled, noise

SMALL = replace(
    default.FIRST, architecture="compact", options={"filters": [16]}, size=32, epochs=1, batch_size=8, hidden=1
)
Run = Callable[..., None]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run folder with a start in it, in place of the package's."""
    folder = tmp_path / "runs"
    folder.mkdir()
    architecture("compact").build(32, 32, SMALL.options).save(folder / "imagenet.keras")
    return folder


@pytest.fixture
def run(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    films = labelled(tmp_path / "films", 10, noise, lambda name, i: f"{name}{i},{i}")
    monkeypatch.setattr(default, "FIRST", SMALL)
    monkeypatch.setattr(default, "LAST", SMALL)

    def command(*only: str) -> None:
        monkeypatch.setattr(sys, "argv", ["recipe", str(films), "--out", str(out), "--only", *only])
        default.main()

    return command


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
def test_every_film_is_scored_by_a_network_that_did_not_see_it(
    run: Run, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for only, says in [
        (["finel"], "no run finel: there are guide0, guide1, guide2, guide01, guide02, guide12, final-first, "),
        (["crossfit0-first"], "crossfit0-first needs guide2, which is not finished"),
        (["guide1", "guide2", "crossfit0"], "crossfit0 needs crossfit0-first, which is not finished"),
    ]:
        with pytest.raises(SystemExit):
            run(*only)
        assert says in capsys.readouterr().err
    # Two runs of the same kind in place of the other cross-fitted ones: they did not see these folds either.
    for name, like in (("crossfit1", "guide2"), ("crossfit2", "guide1")):
        (out / name).mkdir()
        (out / name / "scores.csv").write_bytes((out / like / "scores.csv").read_bytes())
    guide = (out / "guide1" / "final.keras").read_bytes()
    run("guide1", "crossfit0-first")
    assert (out / "guide1" / "final.keras").read_bytes() == guide  # what is there is left as it is
    assert not (out / "out-of-fold.csv").exists()
    run("crossfit0")
    scores = read_scores([out / "out-of-fold.csv"])
    assert sorted(scores.files) == sorted(f"{name}/{i}.png" for name in CLASSES for i in range(9))
    assert set(read_scores([out / "crossfit0" / "scores.csv"], "hold_out").folds) == {0, 1, 2, 9}
    assert set(read_scores([out / "guide1" / "scores.csv"], "hold_out").folds) == {0, 1, 2, 6, 7, 8, 9}
    names = ("guide2", "crossfit0-first", "crossfit0")
    taught, first, last = (json.loads((out / name / "run.json").read_text()) for name in names)
    assert last["start_from"] == hashlib.sha256((out / "crossfit0-first" / "final.keras").read_bytes()).hexdigest()
    assert last["targets"] == first["targets"] != taught["targets"]
    assert keras.saving.load_model(out / "crossfit0" / "final.keras").input_shape == (None, 32, 32, 1)


@pytest.mark.parametrize("learns", default.NETWORKS)
def test_no_guide_saw_the_films_it_is_asked_of_nor_those_its_network_is_scored_on(learns: tuple[int, ...]) -> None:
    guides = default.guides_of(learns)
    assert sorted(guides.values()) == sorted(learns)
    for taught, third in guides.items():
        assert third not in taught
        assert set(taught) < set(learns)
        assert taught in default.GUIDES


def test_kinds_lean_to_what_guides_say_and_pneumonia_stays_the_labels(tmp_path: Path) -> None:
    films = load_folder(labelled(tmp_path / "films", 10, noise, lambda name, i: f"{name}{i},{i}"))

    def scores(name: str, virus: float, beyond: float) -> Path:
        """Of a guide that is as sure of virus in folds 0 to 2, and otherwise beyond."""
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            for film in films.films:
                known = [film.file, CLASSES[film.label], film.patient, film.fold, "hold_out"]
                sure = virus if (film.fold or 0) < 3 else beyond
                writer.writerow([*known, *((8, 0, 0) if film.label == 0 else (0, 8, 8 + sure + film.label))])
        return tmp_path / name

    targets = leaning(films, [(scores("a.csv", 1, 9), (0, 1, 2)), (scores("b.csv", -5, -4), (4,))])
    plain = from_labels(films)
    assert set(targets) == set(plain)
    for film in films.films:
        got, label = targets[film.file], SOFT_LABELS[film.label]
        assert np.array_equal(plain[film.file], label)
        assert got.sum() == pytest.approx(1)
        assert got[0] == pytest.approx(label[0])
        asked = film.label > 0 and film.fold in (0, 1, 2, 4)
        assert np.array_equal(got, label) is not asked
    share = {fold: targets[f"virus/{fold}.png"][2] / 0.99 for fold in (0, 1, 2, 4)}
    assert share[0] == share[1] == share[2] > share[4]
    least, most = ((1 - LEAN) * 0.87 / 0.99 + LEAN * said for said in (0, 1))
    assert least < share[4] < share[0] < most
    # What a guide says of films that it is not asked of changes nothing, not even the temperature.
    again = leaning(films, [(scores("a.csv", 1, -9), (0, 1, 2)), (scores("b.csv", -5, -4), (4,))])
    assert all(np.array_equal(again[file], target) for file, target in targets.items())


def test_what_the_recipe_trains_has_maps_of_some_cells() -> None:
    model = architecture(default.LAST.architecture).build(default.LAST.size, default.LAST.size)
    assert model.output["maps"].shape[1] >= 6
