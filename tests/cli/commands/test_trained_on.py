"""Every command that measures a network leaves out the films that it was trained on, or says so loudly."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.engine.dataset.trained_on import record_name, write_record
from xscan.engine.network.manifest import KEY

from ...calibration import networks
from ...conftest import Here

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DATA with folds 0 to 5, a network trained on 0 to 2 with its record, and `clinic`: the same films elsewhere."""
    place = tmp_path_factory.mktemp("place")
    lines, truth = ["file,patient,fold"], ["file,truth"]
    for number, picture in enumerate(networks.pictures(18, seed=2)):
        name, fold = CLASSES[number % 3], number // 3
        for folder, film in (("DATA", f"{number}.png"), ("clinic", f"x{number}.png")):
            (place / folder / name).mkdir(parents=True, exist_ok=True)
            large = cv2.resize(picture[:, :, 0], (96, 96), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(place / folder / name / film), large)
        lines.append(f"{name}/{number}.png,p{number},{fold}")
        truth.append(f"{name}/x{number}.png,{name}")
    (place / "DATA.csv").write_text("\n".join(lines) + "\n")
    (place / "truth.csv").write_text("\n".join(truth) + "\n")
    data = load_folder(place / "DATA")
    model = networks.residual()
    del model.metadata_props[:]
    of = {"fingerprint": data.fingerprint, "trained_folds": [0, 1, 2]}
    model.metadata_props.add(key=KEY, value=replace(networks.MANIFEST, data=of).to_json())
    (place / "small.onnx").write_bytes(model.SerializeToString())
    write_record(data, place)
    return place


@pytest.fixture(autouse=True)
def _there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


SEEN = {"left_out": 9, "kept": 0, "known": True}


@pytest.mark.parametrize("line", [("evaluate",), ("compare", "small.onnx"), ("explain",)])
def test_of_a_labelled_set(here: Here, line: tuple[str, ...]) -> None:
    command = (*line, "small.onnx", "clinic")
    code, text, said = here(*command)
    assert code == 0, said
    assert "Left out: 9 films of patients that the network was trained on." in text
    assert json.loads(here(*command, "--json")[1])["trained_on"] == SEEN
    _, text, _ = here(*command, "--trained-too")
    assert "WARNING: the network was trained on 9 of these films" in text
    assert json.loads(here(*command, "--trained-too", "--json")[1])["trained_on"] == SEEN | {"left_out": 0, "kept": 9}
    code, _, said = here(line[0], *line[1:], "small.onnx", "DATA", "--fold", "0-2")
    assert (code, "trained on all 9 films chosen" in said) == (2, True)


def test_of_an_acceptance_of_an_engine(here: Here, place: Path) -> None:
    build = ("build-engine", "small.onnx", "--precision", "int8", "--runtime", "onnxruntime", "--force", "--json")
    build = (*build, "--calibrate", "DATA", "--films", "8", "--out", "built/small.engine")
    (place / "built").mkdir()
    code, out, said = here(*build, "--accept", "clinic")
    assert code == 0, said
    assert "left out: 9 films that the network was trained on" in said
    gate = json.loads(out)["gate"]
    assert gate["trained_on"] == {"left_out": 9, "known": True}
    assert gate["films"] == 9
    # By their folds, too, in the set that they come from.
    gate = json.loads(here(*build, "--accept", "DATA")[1])["gate"]
    assert (gate["trained_on"], gate["films"]) == ({"left_out": 9, "known": True}, 9)
    # Of the engine it is known, too, wherever it was built.
    assert (place / "built" / record_name(load_folder(place / "DATA").fingerprint)).is_file()
    assert json.loads(here("evaluate", "built/small.engine", "clinic", "--json")[1])["trained_on"] == SEEN
    code, _, said = here(*build, "--accept", "DATA", "--accept-fold", "0-2")
    assert (code, "was trained on all films of --accept" in said) == (2, True)


def test_of_an_audit(here: Here) -> None:
    done = here("batch", "clinic", "--engine", "small.onnx", "--out", "list.csv", "-q")
    assert done.code == 0, done.said
    audit = ("audit", "list.csv", "truth.csv", "--engine", "small.onnx")
    assert "not looked up: whether the network was trained on these films" in here(*audit)[1]
    assert json.loads(here(*audit, "--json")[1])["trained_on"] is None
    assert "left out: 9 films that the network was trained on" in here(*audit, "--films", "clinic")[1]
    found = json.loads(here(*audit, "--films", "clinic", "--json")[1])
    assert (found["trained_on"], found["matched"]) == (9, 9)


def test_of_an_acceptance_on_site(here: Here, place: Path) -> None:
    accept = ("accept", "clinic", "--truth", "truth.csv", "--engine", "small.onnx")
    _, out, _ = here(*accept, "--out", "a", "--json")
    report = json.loads(out)
    assert (report["films"], report["left_out_as_trained_on"], report["kept_though_trained_on"]) == (9, 9, 0)
    _, out, _ = here(*accept, "--out", "b", "--trained-too")
    assert "WARNING: the network was trained on 9 of these films: no figures of this site" in out
    report = json.loads(next((place / "b").glob("*.json")).read_text(encoding="utf-8"))
    assert (report["films"], report["kept_though_trained_on"]) == (18, 9)
    # In another size they are known by name and patient, as the CSV beside the folder has them.
    for film in (place / "DATA").glob("*/*.png"):
        (place / "larger" / film.parent.name).mkdir(parents=True, exist_ok=True)
        picture = cv2.imread(str(film), 0)
        assert picture is not None
        picture = cv2.resize(picture, (128, 128))
        cv2.imwrite(str(place / "larger" / film.parent.name / film.name), picture)
    shutil.copy(place / "DATA.csv", place / "larger.csv")
    (place / "same.csv").write_text((place / "truth.csv").read_text().replace("/x", "/"))
    _, out, _ = here("accept", "larger", "--truth", "same.csv", "--engine", "small.onnx", "--out", "d", "--json")
    assert json.loads(out)["left_out_as_trained_on"] == 9
    (place / "few" / "normal").mkdir(parents=True)
    shutil.copy(place / "clinic" / "normal" / "x0.png", place / "few" / "normal")
    code, _, said = here("accept", "few", "--truth", "truth.csv", "--engine", "small.onnx", "--out", "c")
    assert (code, "trained on all of these films" in said) == (2, True)
    shutil.copytree(place / "clinic" / "normal", place / "few" / "normal", dirs_exist_ok=True)
    code, _, said = here("accept", "few", "--truth", "truth.csv", "--engine", "small.onnx", "--out", "c")
    assert (code, "trained on 3 of these 6 films, and the others are all of one kind" in said) == (2, True)
