"""What `xscan train` says comes next is run as it stands, from a data set in parts to a network that is measured."""

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from xscan.engine import CLASSES

from ...conftest import Here

#: TensorFlow's own, and tf2onnx's.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tf2onnx"),
]

SMALL = ("--architecture=lenet5", "--option=filters = [4]", "--option=heads = [8]", "--size=32", "--epochs=1")
Run = Callable[..., tuple[str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Here) -> Run:
    monkeypatch.chdir(tmp_path)

    def go(*words: str, code: int = 0) -> tuple[str, str]:
        ended = here(*words)
        assert ended.code == code, ended.said
        return ended.out, ended.said

    return go


def films(folder: Path, parts: dict[str, int]) -> None:
    """So many films of each class in each part (or, under '', in the folder itself)."""
    rng = np.random.default_rng(0)
    for part, count in parts.items():
        for label, name in enumerate(CLASSES):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                picture = rng.integers(0, 60, (32, 32), np.uint8)
                picture[:, label * 10 : label * 10 + 10] += 150
                cv2.imwrite(str(folder / part / name / _name(name, part, i)), picture)


def _name(kind: str, part: str, number: int) -> str:
    """By the rule that gives each film a patient."""
    place = 100 * len(part) + number
    return f"IM-{place}-1.png" if kind == "normal" else f"person{place}_{kind}_1.png"


def next_lines(said: str) -> list[list[str]]:
    """The commands that were printed, without `xscan`."""
    lines = [line.removeprefix("next:").strip() for line in said.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("xscan ")]


def test_parts_are_trained_extended_exported_and_measured(run: Run, tmp_path: Path) -> None:
    films(tmp_path / "my films", {"training": 6, "val": 3, "test": 3})
    train = ("train", "my films", *SMALL, "--batch-size=6", "--out", "runs/one")
    _, said = run(*train, "--no-progress")
    assert [line for line in said.splitlines() if "step" not in line and "Epoch" not in line] == [
        "trained lenet5 for 1 epochs: runs/one",
        "next: xscan export runs/one '--data=my films' --out=model.onnx",
    ]
    [export] = next_lines(said)
    assert export == ["export", "runs/one", "--data=my films", "--out=model.onnx"]
    _, said = run(*export)
    assert said == ""
    assert len(list(tmp_path.glob("*.films.npz"))) == 1
    out, _ = run("evaluate", "model.onnx", "my films", "--part", "test", "--json")
    assert json.loads(out)["films"] == 9
    assert json.loads(out)["trained_on"] == {"left_out": 0, "kept": 0, "known": True}
    out, _ = run("evaluate", "model.onnx", "my films", "--json")
    assert json.loads(out)["trained_on"]["left_out"] == 18
    _, said = run("evaluate", "model.onnx", "my films", "--part", "train", code=2)
    assert "trained on all 18 films" in said
    _, said = run(*train, "--resume")
    assert "runs/one is finished, 1 epochs: more --epochs extend it" in said


def test_without_validation_the_next_lines_make_it_up(run: Run, tmp_path: Path) -> None:
    films(tmp_path / "films", {"": 12})
    lines = [
        f"{name}/{_name(name, '', i)},{part}"
        for part, numbers in (("train", range(5)), ("validate", range(5, 9)), ("test", range(9, 11)))
        for name in CLASSES
        for i in numbers
    ]
    (tmp_path / "split.csv").write_text("file,part\n" + "\n".join(lines) + "\n")
    _, said = run("train", "films", *SMALL, "--batch-size=6", "--split=split.csv", "--validate=", "--out=r")
    assert "3 films have no part in split.csv and are left out" in said
    again, export = next_lines(said)
    assert again == [
        *("train", "films", "--out=r-validated", *SMALL[:4], "--validate=8", "--split=split.csv", "--epochs=1"),
        "--batch-size=6",
    ]
    run(*again)
    run(*export)
    out, _ = run("evaluate", "model.onnx", "films", "--split=split.csv", "--part=test", "--json")
    assert (json.loads(out)["films"], json.loads(out)["trained_on"]["known"]) == (6, True)
