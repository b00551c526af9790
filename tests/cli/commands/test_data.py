"""`xscan data` as a user runs it, and the other commands on what it makes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from xscan.engine import CLASSES
from xscan.engine.runtime.open import find_engine, open_runtime

from ...conftest import Xscan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "films"
    rng = np.random.default_rng(0)
    lines = ["file,patient,fold"]
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for i in range(10):
            film = cv2.resize(rng.integers(0, 256, (8, 8), np.uint8), (150, 120), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / name / f"{i}.png"), film)
            lines.append(f"{name}/{i}.png,{name}{i},{i}")
    (folder.parent / "films.csv").write_text("\n".join(lines))
    return folder


def test_pack_split_and_evaluate(folder: Path, tmp_path: Path, xscan: Xscan) -> None:
    size = open_runtime(find_engine("compact")).manifest.input.width
    done = xscan("data", "pack", folder, "--out", tmp_path / "set", "--size", size, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["films"] == 30
    done = xscan("data", "split", tmp_path / "set", "--out", tmp_path / "split.csv", "--seed", "3", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parts"]["test"] == {"normal": 2, "bacteria": 2, "virus": 2}
    selection = ("--split", tmp_path / "split.csv", "--part", "test", "--json")
    results = [xscan("evaluate", "compact", data, *selection) for data in (folder, tmp_path / "set")]
    assert [done.returncode for done in results] == [0, 0], results[0].stderr + results[1].stderr
    ours, theirs = (json.loads(done.stdout) for done in results)
    assert ours == theirs
    assert ours["films"] == 6


def test_describe_prints_tables_and_writes_the_page(folder: Path, tmp_path: Path, xscan: Xscan) -> None:
    done = xscan("data", "describe", folder, "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "class     films   share  patients" in done.stdout
    assert "keep it on this machine" in done.stderr
    assert (tmp_path / "page.html").stat().st_size > 20_000
    assert ".png" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("pack", "{}", "--out", "{}"), "exists: choose another --out"),
        (("pack", "{}/nowhere", "--out", "{}/set"), "no folder"),
        (("split", "{}", "--out", "{}/nowhere/s.csv", "--like-study"), "cannot write"),
        (("split", "{}", "--out", "{}/s.csv", "--parts", "train=0.8"), "write them like train=0.8,test=0.2"),
        (("split", "{}", "--out", "{}/s.csv", "--parts", "a=0.5,b=0.5", "--like-study"), "leave out --parts"),
        (("describe", "{}", "--html", "{}/nowhere/page.html"), "name a file in a folder that is there"),
    ],
)
def test_mistakes_are_one_line(folder: Path, xscan: Xscan, arguments: tuple[str, ...], told: str) -> None:
    done = xscan("data", *(argument.format(folder) for argument in arguments))
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
