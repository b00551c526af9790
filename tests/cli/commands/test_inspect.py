"""`xscan inspect`: what the scanner sees, and the exact pictures it would feed."""

import csv
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from xscan.engine.network.models import DEFAULT
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.read.decode import read_bytes
from xscan.engine.runtime.open import find_engine, open_runtime

from ...conftest import Xscan
from ...engine.read.dicom_maker import J2K, film, phantom


def test_a_film_and_its_pictures(xscan: Xscan, tmp_path: Path) -> None:
    content = film(
        phantom(300, 200, bits=12), J2K, photometric="MONOCHROME1", allocated=16, stored=12, PatientAge="062Y",
        WindowCenter="2000", WindowWidth="1500",
    )  # fmt: skip
    path = tmp_path / "Füße"
    path.write_bytes(content)
    run = xscan("inspect", path, "--json", "--png", tmp_path / "ü.png", "--input-png", tmp_path / "input.png")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["format"] == "DICOM"
    assert "JPEG 2000" in said["transfer_syntax"]
    assert said["window"] == "window 2000/1500 LINEAR"
    assert said["size"] == "200 x 300"
    assert said["polarity"].startswith("inverted")
    assert "SECRET" not in run.stdout
    assert "062Y" not in run.stdout
    assert not {62, "62"} & {value for value in said.values() if not isinstance(value, list)}
    grey = read_bytes(content).grey
    saved = cv2.imdecode(np.fromfile(tmp_path / "ü.png", np.uint8), -1)
    assert saved is not None
    assert np.array_equal(saved, grey)
    spec = open_runtime(find_engine(DEFAULT)).manifest.input
    saved = cv2.imread(str(tmp_path / "input.png"), -1)
    assert saved is not None
    assert np.array_equal(saved, to_input(grey, spec))


def test_a_member_of_a_zip(xscan: Xscan, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as target:
        target.writestr("DICOM/0", film(phantom(120, 100)))
    run = xscan("inspect", tmp_path / "export.zip" / "DICOM" / "0")
    assert run.returncode == 0, run.stderr
    assert "MONOCHROME2" in run.stdout
    assert xscan("inspect", tmp_path / "export.zip" / "DICOM" / "1").returncode == 2
    (tmp_path / "export.zip").write_bytes((tmp_path / "export.zip").read_bytes()[:300])
    cut = xscan("inspect", tmp_path / "export.zip" / "DICOM" / "0")
    assert cut.returncode == 3, cut.stderr
    assert cut.stdout == "failed: bad-zip: the zip is damaged or incomplete\n"


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (film(ViewPosition="LL"), 0, "skipped: lateral"),
        (film(phantom(120, 100))[:700], 3, "failed: truncated"),
        (b"", 3, "failed: empty"),
    ],
)
def test_what_is_not_scored_says_why(xscan: Xscan, tmp_path: Path, content: bytes, code: int, said: str) -> None:
    (tmp_path / "film").write_bytes(content)
    run = xscan("inspect", tmp_path / "film")
    assert run.returncode == code
    assert run.stdout.startswith(said)


def test_the_gates_doubt_is_shown_and_no_file_replaced(xscan: Xscan, tmp_path: Path) -> None:
    path = tmp_path / "flat.png"
    cv2.imwrite(str(path), np.full((300, 300), 128, np.uint8))
    run = xscan("inspect", path, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["status"] == "review"
    assert json.loads(run.stdout)["reason"] == "blank: next to no contrast"
    before = path.read_bytes()
    for option in ("--png", "--input-png"):
        run = xscan("inspect", path, option, path)
        assert (run.returncode, "exists" in run.stderr) == (2, True)
    assert path.read_bytes() == before


def test_no_escape_of_a_name_or_a_tag_reaches_the_terminal(xscan: Xscan, tmp_path: Path) -> None:
    evil = "AP\x1b[31mPWN\x07"
    content = film(phantom(300, 200), ViewPosition="APXXXXXXXXXX", BodyPartExamined="CHESTXXXXXX")
    content = content.replace(b"APXXXXXXXXXX", evil.encode().ljust(12)).replace(b"CHESTXXXXXX", b"CHEST\x1b]0;t\x07")
    path = tmp_path / "film\x1b[2J"
    path.write_bytes(content)
    for run in (xscan("inspect", path), xscan("inspect", path, "--json"), xscan("inspect", f"{path}.gone")):
        assert "\x1b" not in run.stdout + run.stderr
        assert "\x07" not in run.stdout + run.stderr
    shown = xscan("inspect", path).stdout
    assert "\\x1b[31" in shown
    assert "\x1b[31" in json.loads(xscan("inspect", path, "--json").stdout)["view"]


def test_a_folder_and_a_zip_are_no_film(xscan: Xscan, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as target:
        target.writestr("DICOM/0", film(phantom(120, 100)))
    for path, said in ((tmp_path, "is a folder"), (tmp_path / "export.zip", "is a zip")):
        run = xscan("inspect", path)
        assert run.returncode == 2
        assert said in run.stderr


def test_no_such_file(xscan: Xscan, tmp_path: Path) -> None:
    assert xscan("inspect", tmp_path / "gone").returncode == 2


@pytest.mark.parametrize("number", [0, 5])
def test_it_says_what_the_list_says(xscan: Xscan, phantoms: Path, tmp_path: Path, number: int) -> None:
    film = sorted(phantoms.iterdir())[number]
    assert xscan("batch", film, "--out", tmp_path / "list.csv", "--workers", 1).returncode == 0
    [row] = csv.DictReader((tmp_path / "list.csv").read_text().splitlines())
    done = xscan("inspect", film, "--json", "--map", tmp_path / "map.png")
    said = json.loads(done.stdout)
    for column in ("status", "priority", "finding", "reason", "model"):
        assert said[column] == row[column]
    for column in ("p_normal", "p_bacteria", "p_virus", "p_pneumonia"):
        assert f"{said[column]:.4f}" == row[column]
    assert said["gate"]
    assert all(score.keys() == {"name", "score", "threshold"} for score in said["gate"])
    drawn = cv2.imread(str(tmp_path / "map.png"))
    assert drawn.shape[:2] == (300, 400)
    assert (drawn[..., 2].astype(int) - drawn[..., 0] > 40).any()  # something is red


def test_a_network_without_maps_draws_none(xscan: Xscan, phantoms: Path, tmp_path: Path) -> None:
    done = xscan("inspect", next(phantoms.iterdir()), "--engine", "seed", "--map", tmp_path / "map.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no class maps" in done.stderr
    assert not list(tmp_path.iterdir())
