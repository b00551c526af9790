"""Phantoms: what is drawn, what the files say, and what happens when they cannot be written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pydicom.uid
import pytest
from typer import Typer
from typer.testing import CliRunner

from xscan.cli.commands import phantom as command
from xscan.engine import CLASSES
from xscan.engine.errors import UsageError
from xscan.engine.phantom.draw import WHITE, draw
from xscan.engine.phantom.files import write_dicom, write_phantoms

ROWS, COLUMNS = 250, 325
SEEDS = range(12)


def middle(film: np.ndarray, left: float, top: float, right: float, bottom: float) -> float:
    """The median of a part of the film, given as fractions of its width and height."""
    rows, columns = film.shape
    return float(
        np.median(film[round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)])
    )


def halves(change: np.ndarray) -> tuple[float, float]:
    """Mean of the left and of the right half."""
    centre = change.shape[1] // 2
    return float(change[:, :centre].mean()), float(change[:, centre:].mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("phantoms")
    write_phantoms(path, 12, rows=ROWS, columns=COLUMNS)
    return path


# --- drawing ---


@pytest.mark.parametrize("finding", CLASSES)
@pytest.mark.parametrize(("rows", "columns"), [(250, 325), (325, 250), (100, 640), (33, 47)])
def test_a_film_has_the_size_and_the_range_asked_for(finding: str, rows: int, columns: int) -> None:
    film = draw(finding, 1, rows, columns)
    assert film.shape == (rows, columns)
    assert film.dtype == np.uint16
    assert film.min() >= 0
    assert 0.85 * WHITE < film.max() <= WHITE


def test_the_same_seed_draws_the_same_film_and_another_seed_another() -> None:
    assert np.array_equal(draw("virus", 3, ROWS, COLUMNS), draw("virus", 3, ROWS, COLUMNS))
    assert not np.array_equal(draw("virus", 3, ROWS, COLUMNS), draw("virus", 4, ROWS, COLUMNS))


@pytest.mark.parametrize("seed", SEEDS)
def test_air_is_dark_lungs_are_grey_and_the_mediastinum_is_bright(seed: int) -> None:
    film = draw("normal", seed, ROWS, COLUMNS)
    outside = middle(film, 0.0, 0.6, 0.04, 0.9)
    lungs = [middle(film, 0.28, 0.35, 0.38, 0.55), middle(film, 0.64, 0.30, 0.74, 0.45)]
    mediastinum = middle(film, 0.46, 0.35, 0.54, 0.6)
    abdomen = middle(film, 0.3, 0.88, 0.42, 0.95)
    assert outside < 0.1 * WHITE < min(lungs)
    assert max(lungs) + 0.15 * WHITE < min(mediastinum, abdomen)


def test_the_heart_lies_to_the_patients_left() -> None:
    film = np.mean([draw("normal", seed, ROWS, COLUMNS) for seed in SEEDS], axis=0)
    right_of_spine, left_of_spine = middle(film, 0.30, 0.55, 0.36, 0.65), middle(film, 0.60, 0.55, 0.66, 0.65)
    assert left_of_spine > right_of_spine + 0.15 * WHITE


@pytest.mark.parametrize("seed", SEEDS)
def test_a_consolidation_brightens_one_lung_only(seed: int) -> None:
    change = draw("bacteria", seed, ROWS, COLUMNS).astype(float) - draw("normal", seed, ROWS, COLUMNS)
    less, more = sorted(halves(change))
    assert more > 0.01 * WHITE
    assert abs(less) < 0.05 * more


@pytest.mark.parametrize("seed", SEEDS)
def test_an_interstitial_pattern_brightens_both_lungs(seed: int) -> None:
    change = draw("virus", seed, ROWS, COLUMNS).astype(float) - draw("normal", seed, ROWS, COLUMNS)
    less, more = sorted(halves(change))
    assert less > 0.003 * WHITE
    assert less > 0.3 * more


def test_a_finding_changes_nothing_outside_the_chest() -> None:
    normal = draw("normal", 5, ROWS, COLUMNS)
    for finding in ("bacteria", "virus"):
        assert np.array_equal(draw(finding, 5, ROWS, COLUMNS)[:, :30], normal[:, :30])


def test_the_film_says_in_a_corner_that_it_is_a_phantom() -> None:
    corners = [draw("normal", seed)[930:975, 35:170] for seed in range(4)]
    white = np.all([corner > 0.9 * WHITE for corner in corners], axis=0)  # whatever lies under it
    assert 0.1 < white.mean() < 0.6
    assert len(np.unique(white, axis=1).T) > 10  # letters, not a bar


@pytest.mark.parametrize(
    ("finding", "seed", "rows", "columns"), [("cold", 0, 100, 100), ("normal", -1, 100, 100), ("normal", 0, 31, 100)]
)
def test_drawing_refuses_what_it_cannot_draw(finding: str, seed: int, rows: int, columns: int) -> None:
    with pytest.raises(ValueError):
        draw(finding, seed, rows, columns)


# --- files ---


def test_names_say_finding_and_format_and_every_pair_comes_up(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names[:4] == [
        "phantom-0001-normal.jpg",
        "phantom-0002-bacteria.png",
        "phantom-0003-virus.dcm",
        "phantom-0004-normal.dcm",
    ]
    kinds = set()
    for path in folder.iterdir():
        kind = pydicom.dcmread(path).PhotometricInterpretation if path.suffix == ".dcm" else path.suffix
        kinds.add((path.stem.split("-")[2], kind))
    assert len(kinds) == 12


def test_rasters_are_grey_and_hold_the_drawn_film(folder: Path) -> None:
    jpeg = cv2.imread(str(folder / "phantom-0001-normal.jpg"), cv2.IMREAD_UNCHANGED)
    png = cv2.imread(str(folder / "phantom-0002-bacteria.png"), cv2.IMREAD_UNCHANGED)
    assert jpeg is not None
    assert png is not None
    assert (jpeg.shape, jpeg.dtype) == ((ROWS, COLUMNS), np.uint8)
    assert (png.shape, png.dtype) == ((ROWS, COLUMNS), np.uint16)
    words = np.asarray(png, np.uint16)
    assert np.array_equal(words & 15, words >> 12)  # 12 bits spread over the full range of 16


def test_dicom_says_what_it_is(folder: Path) -> None:
    for path in folder.glob("*.dcm"):
        image = pydicom.dcmread(path)
        assert image.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert (image.Modality, image.BodyPartExamined, image.PatientAge) == ("DX", "CHEST", "003Y")
        assert image.ViewPosition in ("AP", "PA")
        assert image.PresentationIntentType == "FOR PRESENTATION"
        assert image.PatientName == "PHANTOM^XSCAN"
        assert "Drawn by software" in image.SeriesDescription
        assert "PHANTOM" in image.ImageComments
        assert (image.BitsStored, image.WindowCenter, image.WindowWidth) == (12, 2048, 4096)
        assert image.pixel_array.shape == (ROWS, COLUMNS)
        assert image.pixel_array.max() <= WHITE


def test_no_two_films_share_a_uid(folder: Path, tmp_path: Path) -> None:
    paths = [*folder.glob("*.dcm"), *write_phantoms(tmp_path, 4, seed=1, rows=64, columns=64, format="dicom")]
    paths += write_phantoms(tmp_path / "larger", 4, seed=1, rows=70, columns=64, format="dicom")
    images = [pydicom.dcmread(path) for path in paths]
    uids = [uid for i in images for uid in (i.StudyInstanceUID, i.SeriesInstanceUID, i.SOPInstanceUID)]
    assert len(set(uids)) == 3 * len(paths)


def test_monochrome1_is_the_inverse_of_its_twin(tmp_path: Path) -> None:
    film = draw("bacteria", 2, ROWS, COLUMNS)
    twins = []
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        write_dicom(tmp_path / "film.dcm", film, photometric=photometric)
        twins.append(pydicom.dcmread(tmp_path / "film.dcm"))
    assert [twin.PhotometricInterpretation for twin in twins] == ["MONOCHROME1", "MONOCHROME2"]
    assert [twin.PresentationLUTShape for twin in twins] == ["INVERSE", "IDENTITY"]
    assert np.array_equal(twins[0].pixel_array, WHITE - twins[1].pixel_array)
    assert np.array_equal(twins[1].pixel_array, film)
    assert twins[0].SOPInstanceUID != twins[1].SOPInstanceUID


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4), np.uint16), np.full((4, 4), 4096, np.uint16)]
)
def test_dicom_takes_12_bit_films_only(tmp_path: Path, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint16"):
        write_dicom(tmp_path / "film.dcm", pixels)
    with pytest.raises(ValueError, match="MONOCHROME"):
        write_dicom(tmp_path / "film.dcm", np.zeros((4, 4), np.uint16), photometric="RGB")
    assert not list(tmp_path.iterdir())


def test_the_same_seed_writes_the_same_bytes_in_another_process_too(folder: Path, tmp_path: Path) -> None:
    code = "import sys, pathlib; from xscan.engine.phantom.files import write_phantoms as w; "
    code += f"w(pathlib.Path(sys.argv[1]), 12, rows={ROWS}, columns={COLUMNS})"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=120)
    expected = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == expected


def test_other_files_stay_and_films_of_the_same_name_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "phantom-0001-normal.png").write_text("old")
    seen: list[Path] = []
    paths = write_phantoms(tmp_path, 2, rows=64, columns=64, format="png", on_file=seen.append)
    assert seen == paths
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", *(path.name for path in paths)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "1 or more"),
        ({"count": 1, "seed": -1}, "0 or more"),
        ({"count": 1, "rows": 31}, "pixels"),
        ({"count": 1, "columns": 20_001}, "pixels"),
        ({"count": 1, "format": "gif"}, "mix, jpeg, png, dicom"),
    ],
)
def test_wrong_arguments_are_a_usage_error_before_anything_is_made(
    tmp_path: Path, arguments: dict, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        write_phantoms(tmp_path / "films", **arguments)
    assert not (tmp_path / "films").exists()


def test_a_folder_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "film").write_text("a file")
    with pytest.raises(UsageError, match="is a file"):
        write_phantoms(tmp_path / "film", 1)
    with pytest.raises(UsageError, match="cannot write"):
        write_phantoms(tmp_path / "film" / "below", 1)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that may not be written to")
def test_a_folder_without_write_permission_is_a_usage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot write"):
        write_phantoms(tmp_path, 1, rows=64, columns=64)


def test_a_film_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "phantom-0001-normal.jpg").mkdir()  # a folder where the film should go
    with pytest.raises(UsageError, match="is a folder"):
        write_phantoms(tmp_path, 1, rows=64, columns=64)
    assert [path.name for path in tmp_path.iterdir()] == ["phantom-0001-normal.jpg"]


# --- the command ---


def run(*arguments: str):
    app = Typer()
    app.command()(command.phantom)
    return CliRunner().invoke(app, list(arguments))


def test_the_command_writes_films_and_names_them(tmp_path: Path) -> None:
    result = run(str(tmp_path), "--count", "2", "--size", "80x64", "--format", "png", "--json")
    assert result.exit_code == 0
    names = ["phantom-0001-normal.png", "phantom-0002-bacteria.png"]
    assert json.loads(result.stdout) == {"folder": str(tmp_path), "files": names}
    film = cv2.imread(str(tmp_path / names[0]), cv2.IMREAD_UNCHANGED)
    assert film is not None
    assert film.shape == (64, 80)


@pytest.mark.parametrize("size", ["80", "80x", "x64", "80x-64", "wide", "80x64x3"])
def test_a_size_that_is_none_is_a_usage_error(tmp_path: Path, size: str) -> None:
    result = run(str(tmp_path), "--size", size)
    assert isinstance(result.exception, UsageError)
    assert "1300x1000" in str(result.exception)
