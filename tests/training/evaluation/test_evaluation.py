"""evaluate and compare as a user runs them: score files, networks, films of one class."""

import csv
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from xscan.calibration.points.operating_points import fit_temperature
from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.engine.dataset.selection import choose, selection, some
from xscan.engine.errors import DataSetError, UsageError
from xscan.engine.triage.odds import probabilities
from xscan.training.evaluation.compare import COMPARED, compare, mcnemar
from xscan.training.evaluation.evaluate import evaluate
from xscan.training.evaluation.network import open_network
from xscan.training.evaluation.page import worst
from xscan.training.evaluation.scored import read_score_file, score, score_films
from xscan.training.evaluation.subgroups import read_columns

from ...conftest import Xscan
from ..films import labelled


def write_scores(path: Path, films: range, skill: float, *, part: str = "validate", seed: int = 0) -> Path:
    """Scores of films that are the same in every file; two films a patient; more skill, better scores."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "patient", "fold", "part", *(f"logit_{name}" for name in CLASSES)])
        for i in films:
            label = (i // 2) % 3
            logits = rng.normal(0, 1, 3) + skill * np.eye(3)[label]
            writer.writerow([f"{CLASSES[label]}/{i}.png", CLASSES[label], f"p{i // 2}", i % 10, part, *logits])
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 pictures, eight a class, in folds 0 to 3."""

    def draw(rng: np.random.Generator, label: int) -> np.ndarray:
        picture = rng.integers(0, 100, (48, 64), np.uint8)
        picture[label * 16 : label * 16 + 16] += 100
        return picture

    def row(name: str, i: int) -> str:
        return f"{name}{i},{i % 4},{'003Y' if i % 2 else 40},{'FM'[i % 2]}"

    return labelled(tmp_path_factory.mktemp("data") / "films", 8, draw, row, ",age,sex")


def test_a_score_file_is_evaluated_as_export_would_ship_it(tmp_path: Path, xscan: Xscan) -> None:
    path = write_scores(tmp_path / "run" / "scores.csv", range(300), 2.0)
    page = tmp_path / "page.html"
    done = xscan("evaluate", path, "--prevalence", "0.05,0.2", "--html", page, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["model"], result["films"], result["patients"]) == ("run/scores.csv", 300, 150)
    logits = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(5, 6, 7))
    labels = (np.arange(300) // 2) % 3
    temperature = fit_temperature(logits, labels)
    assert result["temperature"] == temperature
    p = probabilities(logits, temperature)
    share = result["figures"]["accuracy"]
    assert share["value"] == pytest.approx((p.argmax(axis=1) == labels).mean())
    assert share["low"] < share["value"] < share["high"]
    point = result["points"]["rule-out"]
    assert point["sensitivity"]["value"] >= 0.98
    assert set(point["at_prevalence"]) == {"0.05", "0.2"}
    html = page.read_text()
    assert html.count("<svg") == 6
    assert "src=" not in html.replace('src="data:', "")  # nothing from elsewhere
    assert "http://" not in html.split("<body>")[1].replace("http://www.w3.org/", "")


def test_a_fold_of_a_score_file_keeps_the_temperature_of_the_whole(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "scores.csv", range(200), 1.0)
    whole, one = (read_score_file(path, selection(fold)) for fold in ("", "3"))
    assert (len(whole), len(one), one.temperature) == (200, 20, whole.temperature)
    held_out = read_score_file(write_scores(tmp_path / "h.csv", range(20), 1.0, part="hold_out"), selection())
    assert (held_out.temperature, held_out.points) == (1.0, {})  # nothing is fitted to held-out films


def test_a_shipped_network_on_films_with_subgroups_and_a_page(films: Path, tmp_path: Path, xscan: Xscan) -> None:
    page = tmp_path / "page.html"
    done = xscan("evaluate", "compact", films, "--html", page)
    assert done.returncode == 0, done.stderr
    assert "compact@" in done.stdout
    assert "Each class against the rest" in done.stdout
    assert "keep it as you keep patient data" in done.stderr
    assert page.read_text().count('src="data:image/jpeg') > 0


def test_films_of_one_class_are_evaluated_without_a_crash(films: Path, tmp_path: Path, xscan: Xscan) -> None:
    split = tmp_path / "split.csv"
    split.write_text("file,part\n" + "".join(f"virus/{i}.png,test\n" for i in range(8)))
    done = xscan("evaluate", "compact", films, "--split", split, "--part", "test", "--html", tmp_path / "p.html")
    assert done.returncode == 0, done.stderr
    assert "not defined" in done.stdout
    assert "Warning" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # TensorFlow's own
@pytest.mark.filterwarnings("ignore::DeprecationWarning:tf2onnx")
def test_a_keras_file_runs_in_the_runtime_of_batch(films: Path, tmp_path: Path) -> None:
    from xscan.engine.dataset.films import read_inputs
    from xscan.training.architectures.registry import architecture
    from xscan.training.fit.train import logits_of

    model = architecture("compact").build(32, 32)
    (tmp_path / "run").mkdir()
    model.save(tmp_path / "run" / "final.keras")
    data = load_folder(films)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = open_network(str(tmp_path / "run" / "final.keras"))
    scored = score_films(network, data)
    assert (scored.model, scored.temperature, scored.points) == ("run@keras", 1.0, {})
    assert "onnxruntime" in scored.how
    pictures, _ = read_inputs(data, network.runtime.manifest.input)
    assert np.allclose(scored.p, probabilities(logits_of(model, pictures), 1), atol=1e-5)
    evaluation = evaluate(scored, columns=read_columns(films.with_suffix(".csv")))
    assert evaluation.as_dict()["points"] == {}  # a Keras file has no operating points


def test_subgroups_join_the_small_ones(tmp_path: Path) -> None:
    scored = read_score_file(write_scores(tmp_path / "scores.csv", range(240), 2.0), selection())
    columns = {
        str(file): {"age": f"{i % 90}", "sex": "FM"[i % 2], "source": "a" if i < 230 else f"person {i}", "width": "900",
                    "height": str(200 + 10 * i)}
        for i, file in enumerate(scored.files)
    }  # fmt: skip
    groups = evaluate(scored, columns=columns).groups
    assert [g["group"] for g in groups["source"]] == ["a", "all others"]
    assert [g["group"] for g in groups["size"]] == ["to 1024 pixels", "to 2048 pixels", "over 2048 pixels"]
    assert [g["group"] for g in groups["age"]] == [
        "6 to under 18 years", "18 to under 65 years", "65 years or more", "all others"
    ]  # fmt: skip
    for found in groups.values():
        assert sum(g["films"] for g in found) == 240
        right = sum(g["accuracy"]["value"] * g["films"] for g in found) / 240
        assert right == pytest.approx((scored.p.argmax(axis=1) == scored.labels).mean())


def test_the_worst_mistakes_come_first(tmp_path: Path) -> None:
    scored = read_score_file(write_scores(tmp_path / "scores.csv", range(100), 0.5), selection())
    mistakes = worst(scored)
    own = scored.p[mistakes, scored.labels[mistakes]]
    assert (scored.p[mistakes].argmax(axis=1) != scored.labels[mistakes]).all()
    assert (np.diff(own) >= 0).all()
    assert len(mistakes) == 24


def test_comparing_finds_the_better_one_and_only_then(tmp_path: Path, xscan: Xscan) -> None:
    good = write_scores(tmp_path / "good" / "scores.csv", range(400), 2.5)
    weak = write_scores(tmp_path / "weak" / "scores.csv", range(100, 500), 0.7, seed=1)
    done = xscan("compare", good, weak, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["films"], result["patients"], result["verdict"]) == (300, 150, "better")
    assert [result[side]["films_left_out"] for side in "ab"] == [100, 100]
    row = result["figures"]["accuracy"]
    assert row["a_less_b"]["value"] == pytest.approx(row["a"]["value"] - row["b"]["value"])
    assert row["a_less_b"]["low"] > 0
    assert result["mcnemar"]["three classes"]["p"] < 1e-3
    last = xscan("compare", weak, good).stdout.splitlines()[-1]
    assert last.startswith("weak/scores.csv is worse than good/scores.csv by accuracy on these 300 films")
    a, b = (read_score_file(path, selection()) for path in (good, weak))
    assert compare(a, b, by="loss").verdict == "better"  # less loss is better
    same = compare(a, a)
    assert same.verdict == "no difference shown"
    assert same.mcnemar["three classes"].p == 1
    assert all(same.values[name][2].value == 0 for name in COMPARED)


def test_two_networks_on_the_same_films(films: Path, xscan: Xscan) -> None:
    done = xscan("compare", "compact", "seed", films, "--fold", "0-1")
    assert done.returncode == 0, done.stderr
    assert "12 films of 12 patients, the same for both" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("No difference shown by accuracy on these 12 films")


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 0), (30, 21), (3, 60), (800, 900)])
def test_mcnemar_is_the_exact_test(a: int, b: int) -> None:
    first = np.repeat([True, False, True, False], [a, b, 50, 50])
    second = np.repeat([False, True, True, False], [a, b, 50, 50])
    expected = binomtest(a, a + b).pvalue if a + b else 1.0
    assert mcnemar(first, second).p == pytest.approx(expected, rel=1e-9)


def test_what_cannot_be_compared_or_chosen_is_refused_in_one_line(films: Path, tmp_path: Path, xscan: Xscan) -> None:
    one = write_scores(tmp_path / "one.csv", range(20), 1.0)
    other = write_scores(tmp_path / "other.csv", range(20, 40), 1.0)
    a, b = (read_score_file(path, selection()) for path in (one, other))
    with pytest.raises(DataSetError, match="no film in common"):
        compare(a, b)
    one.write_text(
        one.read_text().replace(",validate,", ",validate,", 1).replace("normal/0.png,normal", "normal/0.png,virus")
    )
    with pytest.raises(DataSetError, match="another class"):
        compare(read_score_file(one, selection()), a)
    twice = tmp_path / "twice.csv"
    twice.write_text(other.read_text() + other.read_text().splitlines()[1] + "\n")
    with pytest.raises(DataSetError, match="twice"):
        read_score_file(twice, selection())
    split = tmp_path / "split.csv"
    split.write_text("file,part\nvirus/0.png,test\n")
    for wrong, line in (
        ({"part": "tset"}, "give --split"), ({"fold": "9", "split": split}, "not by both"),
        ({"split": split, "part": "tset"}, "--part: one of test"), ({"split": tmp_path / "no.csv"}, "no file"),
        ({"split": one, "part": "test"}, "name a part|lacks the column"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=line):
            selection(**wrong)
    with pytest.raises(DataSetError, match="no film is of fold 9"):
        choose(load_folder(films), selection("9"))
    with pytest.raises(UsageError, match="folder of labelled films"):
        score(["compact"], None, selection())
    assert len(some(load_folder(films), 5).films) == 5
    for arguments, code in (
        (("evaluate", "compact", films, "--prevalence", "5"), 2),
        (("evaluate", other, "--html", tmp_path / "no" / "page.html"), 2),
        (("evaluate", "nothing.onnx", films), 4),
        (("evaluate", tmp_path / "no.keras", films), 4),
        (("compare", other, other, "--by", "beauty"), 2),
    ):
        done = xscan(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr


@pytest.mark.data
def test_figures_on_films_that_were_trained_on_are_no_figures(xscan: Xscan, real: Path) -> None:
    known = xscan("evaluate", "seed", real / "originals", "--json")
    assert known.returncode == 0, known.stderr
    result = json.loads(known.stdout)
    assert result["films"] == 27
    assert result["trained_on"] == {"left_out": 213, "kept": 0, "known": True}
    loud = xscan("compare", "seed", "compact", real / "originals", "--fold", "9,0", "--trained-too")
    assert "WARNING: the network was trained on" in loud.stdout
    none = xscan("evaluate", "seed", real / "originals", "--fold", "0")
    assert none.returncode == 2
    assert "trained on all" in none.stderr
