"""From films to a shipped network: train, interrupt, resume, export, evaluate, scan."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


from ...conftest import Here, Xscan
from ..films import labelled, striped


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 tiny pictures whose class is plain to see, four patients a class and fold."""
    folder = tmp_path_factory.mktemp("data") / "films"
    return labelled(folder, 12, striped(300), lambda name, i: f"{name}{i},{(0, 1, 9)[i % 3]}")


@pytest.fixture(scope="module")
def run(films: Path, tmp_path_factory: pytest.TempPathFactory, xscan: Xscan) -> Path:
    run = tmp_path_factory.mktemp("runs") / "small"
    arguments = [
        "train",
        films,
        "--out",
        run,
        "--architecture",
        "seed",
        "--epochs",
        "2",
        "--batch-size",
        "4",
        "--validate",
        "1",
        "-q",
    ]
    done = xscan(*arguments)
    assert done.returncode == 0, done.stderr
    assert xscan(*arguments).returncode == 2  # a run is never overwritten
    return run


def test_the_seed_network_is_model_4() -> None:
    from xscan.training.architectures.registry import architecture

    assert architecture("seed").build(256, 256).count_params() == 1_583_011


def test_a_run_keeps_what_repeats_it(run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    assert record["finished"]
    assert record["settings"]["architecture"] == "seed"
    assert len((run / "history.csv").read_text().splitlines()) == 3
    assert (run / "history.png").stat().st_size > 1000
    parts = [line.split(",")[4] for line in (run / "scores.csv").read_text().splitlines()[1:]]
    assert (parts.count("validate"), parts.count("hold_out")) == (12, 12)


def test_a_packed_set_stands_in_for_its_folder(run: Path, films: Path, tmp_path: Path) -> None:
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.dataset.packed import write_set
    from xscan.engine.network.spec import InputSpec
    from xscan.training.export import export
    from xscan.training.fit.settings import Settings
    from xscan.training.fit.train import fastest_precision, train

    write_set(load_folder(films), tmp_path / "set", InputSpec(256, 256))
    packed = load_folder(tmp_path / "set")
    precision = fastest_precision()  # what the command took
    settings = Settings(architecture="seed", epochs=2, batch_size=4, validate=(1,), precision=precision)
    train(packed, settings, run, resume=True)  # finished, and the set is known as the run's data
    scores = [run / "scores.csv"]
    assert export(run, tmp_path / "packed.onnx", packed, name="p", version="1", out_of_fold=scores).difference < 1e-5


def test_export_evaluate_and_batch_agree(run: Path, films: Path, tmp_path: Path, xscan: Xscan) -> None:
    network = tmp_path / "small.onnx"
    done = xscan("export", run, "--data", films, "--out", network, "--name", "small")
    assert done.returncode == 0, done.stderr
    evaluated = xscan("evaluate", network, films, "--fold", "9", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    figures = json.loads(evaluated.stdout)
    assert figures["films"] == 12
    assert np.sum(figures["confusion"]["rows_are_truth"]) == 12
    done = xscan("batch", films, "--out", tmp_path / "t.csv", "--engine", network, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert "small@1" in (tmp_path / "t.csv").read_text()
    logits = [line.split(",") for line in (run / "scores.csv").read_text().splitlines()[1:]]
    lines = (tmp_path / "t.csv").read_text().splitlines()[1:]
    scores = {line.split(",")[0]: [float(x) for x in line.split(",")[4:7]] for line in lines}
    from xscan.engine.runtime.open import open_runtime
    from xscan.engine.triage.odds import probabilities

    temperature = open_runtime(network).manifest.temperature
    for line in logits:  # Keras's own logits, written by the training run
        p = probabilities(np.array([float(x) for x in line[5:]]), temperature)
        assert np.allclose(p, scores[line[0]], atol=1e-4)


def test_a_killed_run_resumes_to_the_same_network(films: Path, tmp_path: Path, here: Here) -> None:
    arguments = ["train", films, "--architecture", "seed", "--size", "96", "--epochs", "3", "--batch-size", "4", "-q"]
    assert here(*arguments, "--out", tmp_path / "whole").code == 0
    command = [sys.executable, "-m", "xscan.cli", *map(str, arguments), "--out", str(tmp_path / "halves")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        record = tmp_path / "halves" / "run.json"
        while run.poll() is None and not (record.exists() and '"epochs_done": 1' in record.read_text()):
            time.sleep(0.01)
        run.kill()
    assert not (tmp_path / "halves" / "final.keras").exists()
    assert here(*arguments, "--out", tmp_path / "halves", "--resume").code == 0
    one, other = (
        np.loadtxt(tmp_path / name / "scores.csv", delimiter=",", skiprows=1, usecols=(5, 6, 7))
        for name in ("whole", "halves")
    )
    assert np.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "{films}", "--out", "{tmp}/r", "--architecture", "resnet9000"], "'resnet9000' is not one of"),
        (["train", "{tmp}/none", "--out", "{tmp}/r"], "no folder"),
        (["train", "{films}", "--out", "{tmp}/r", "--hold-out", "0,1,9"], "no training film"),
        (["train", "{films}", "--out", "{tmp}/r", "--validate", "20"], "no fold 20"),
        (["export", "{tmp}", "--data", "{films}"], "no training run"),
        (["evaluate", "seed", "{films}", "--fold", "5"], "no film is of fold 5"),
    ],
)
def test_bad_input_ends_in_one_line(here: Here, films: Path, tmp_path: Path, arguments: list[str], says: str) -> None:
    done = here(*(a.format(films=films, tmp=tmp_path) for a in arguments))
    assert done.code == 2, done.said
    assert says in done.said
    assert "Traceback" not in done.said
    assert not (tmp_path / "r").exists()
