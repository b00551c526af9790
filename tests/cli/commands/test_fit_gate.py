"""`xscan fit-gate` from films to a gated network. The films are drawings: how well it tells them is not looked at."""

import json
import shutil
from pathlib import Path

import cv2
import pytest

from xscan.engine import CLASSES
from xscan.engine.phantom.draw import draw
from xscan.engine.runtime.open import open_runtime

from ...conftest import Here

pytest.importorskip("sklearn")
FILMS = 60


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labelled films DATA and the ADULTS, each with its list beside it."""
    place = tmp_path_factory.mktemp("gate")
    lines = ["file,patient,fold"]
    for number in range(FILMS):
        name = f"{CLASSES[number % 3]}/{number:02d}.png"
        (place / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / "data" / name), draw(CLASSES[number % 3], number, 160, 160) >> 4)
        lines.append(f"{name},p{number},{number // 3 % 10}")
    (place / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = ["file,part"]
    (place / "adults").mkdir()
    for number in range(8):
        cv2.imwrite(str(place / "adults" / f"{number}.png"), draw("normal", 100 + number, 320, 240) >> 4)
        lines.append(f"{number}.png,{'check' if number % 2 else 'tune'}")
    (place / "adults.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def test_a_network_learns_which_films_it_may_not_decide_on(films: Path, tmp_path: Path, here: Here) -> None:
    out, figure = tmp_path / "gated.onnx", tmp_path / "gate.svg"
    words = ("fit-gate", "compact", films / "data", films / "adults", "--each", 50)
    ended = here(*words, "--out", out, "--figure", figure, "--json")
    assert ended.code == 0, ended.said
    told = json.loads(ended.out)
    assert (told["good_films"], told["adult_films"]) == (FILMS // 10, 4)
    assert told["difference"] < 0.02
    assert figure.read_text(encoding="utf-8").lstrip().startswith("<?xml")

    with open_runtime(out) as network:
        gate = network.manifest.gate
    assert gate["measured"]["good_films"] == FILMS // 10
    assert {"distance", "adult"} < {rule["name"] for rule in gate["scores"]}
    assert all(isinstance(rule["threshold"], float) for rule in gate["scores"])

    again = tmp_path / "again.onnx"
    assert here(*words, "--out", again).code == 0
    assert again.read_bytes() == out.read_bytes()

    listed = here("batch", films / "data", "--engine", out, "--out", tmp_path / "list.csv", "--workers", 1)
    assert listed.code == 0, listed.said


@pytest.mark.parametrize(
    ("missing", "said"),
    [("data.csv", "no folds: give a CSV beside it"), ("adults.csv", "needs the columns file, part")],
)
def test_what_a_list_lacks_is_one_line_and_nothing_is_written(
    films: Path, tmp_path: Path, here: Here, missing: str, said: str
) -> None:
    place = tmp_path / "films"
    shutil.copytree(films, place)
    (place / missing).unlink()
    ended = here("fit-gate", "compact", place / "data", place / "adults", "--each", 50, "--out", tmp_path / "g.onnx")
    assert (ended.code, ended.said.count("\n")) == (2, 1), ended.said
    assert said in ended.said
    assert not (tmp_path / "g.onnx").exists()
