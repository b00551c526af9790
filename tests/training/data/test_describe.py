"""Describing a set that has everything wrong with it: each finding is planted here."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.engine.dataset.packed import write_set
from xscan.engine.errors import DataSetError
from xscan.engine.network.spec import InputSpec
from xscan.training.data.copies import LIKENESS, RADIUS, close_pairs, likeness
from xscan.training.data.describe import Description, describe
from xscan.training.data.describe_page import write_describe_page
from xscan.training.data.survey import content_hash, survey, thumb

EACH = 10


def picture(rng: np.random.Generator, rows: int = 90, columns: int = 110) -> np.ndarray:
    coarse = rng.integers(20, 236, (8, 8), np.uint8)
    return cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten films a class, a patient each, in ten folds; virus films are smaller than the others. Planted: a
    byte-identical copy under another label, a near copy of another patient, a patient with three films in two
    folds, a broken file, a text file."""
    folder = tmp_path_factory.mktemp("data") / "films"
    rng = np.random.default_rng(0)
    lines = ["file,patient,fold"]
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for i in range(EACH):
            film = picture(rng) if label < 2 else picture(rng, 70, 60)
            cv2.imwrite(str(folder / name / f"{i}.png"), film)
            patient = "normal0" if (name, i) in (("normal", 1), ("normal", 2)) else f"{name}{i}"
            lines.append(f"{name}/{i}.png,{patient},{0 if (name, i) == ('normal', 1) else i}")
    (folder / "bacteria" / "copy.png").write_bytes((folder / "normal" / "5.png").read_bytes())
    near = cv2.imread(str(folder / "virus" / "3.png"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder / "virus" / "near.jpg"), near, [cv2.IMWRITE_JPEG_QUALITY, 60])
    lines += ["bacteria/copy.png,someone,5", "virus/near.jpg,someone else,8"]
    (folder / "normal" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    (folder / "normal" / "note.txt").write_text("hello")
    lines += ["normal/broken.png,x,0", "normal/note.txt,y,0"]
    (folder.parent / "films.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def description(folder: Path) -> Description:
    data = load_folder(folder)
    return describe(data, survey(data))


def test_counts_and_unreadable_files(description: Description) -> None:
    figures = description.figures
    assert {name: of["films"] for name, of in figures["classes"].items()} == {"normal": 10, "bacteria": 11, "virus": 11}
    assert [entry["file"] for entry in figures["unreadable"]] == ["normal/broken.png", "normal/note.txt"]
    assert figures["split"]["parts"]["fold 0"] == {"normal": 2, "bacteria": 1, "virus": 1}
    assert figures["sizes"]["most_frequent"][0] == {"width": 110, "height": 90, "films": 21}
    assert figures["bits"] == {"8": 32}


def test_patients_and_copies(description: Description) -> None:
    figures = description.figures
    patients = {"with_several_films": 1, "most_films": 3, "of_two_classes": 0, "of_two_parts": 1}
    assert figures["patients"] == {"number": 30} | patients
    exact, near = figures["copies"]["exact"], figures["copies"]["near"]
    assert exact["files"] == exact["label_conflicts"] == [["bacteria/copy.png", "normal/5.png"]]
    assert near["files"] == [["virus/3.png", "virus/near.jpg"]]
    assert (near["of_two_patients"], near["of_two_parts"], near["of_two_classes"]) == (1, 1, 0)


def test_a_shortcut_is_warned_of(description: Description) -> None:
    shortcuts = description.figures["shortcuts"]
    assert shortcuts["auc"]["virus against the rest"] > 0.95
    assert shortcuts["alone"]["virus against the rest"]["width"] == 1
    text = description.as_text()
    assert "warning: virus against the rest is told from size, compression and brightness alone" in text
    assert "1 copies stand under two labels" in text
    assert "copy.png" not in text  # a name can hold a patient's: with --json and on the page only


def test_a_packed_set_is_described_alike(folder: Path, tmp_path: Path, description: Description) -> None:
    write_set(load_folder(folder), tmp_path / "set", InputSpec(64, 64))
    data = load_folder(tmp_path / "set")
    packed = describe(data, survey(data)).figures
    for key in ("classes", "split", "sizes", "bits", "patients", "copies", "unreadable"):
        assert packed[key] == description.figures[key]


def test_a_split_is_described_in_place_of_folds(folder: Path) -> None:
    data = load_folder(folder)
    split = {film.file: "test" if film.label == 2 else "train" for film in data.films[:-1]}
    parts = describe(data, survey(data), split).figures["split"]["parts"]
    assert parts["test"] == {"normal": 0, "bacteria": 0, "virus": 10}
    assert sum(parts["no part"].values()) == 1


def test_the_page_needs_nothing_else_and_says_what_it_holds(description: Description, tmp_path: Path) -> None:
    write_describe_page(description, "Data set <films>", tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "keep it on this machine" in text
    assert text.count("<svg") == 3
    assert text.count("data:image/jpeg;base64,") == 10 + 11 + 11 + 2  # at most twelve a class, and the near copies
    assert "&lt;films&gt;" in text
    for outside in ("<script", "<link", 'src="http', "url(http", "@import"):
        assert outside not in text
    write_describe_page(description, "Data set <films>", tmp_path / "b.html")
    assert (tmp_path / "b.html").read_bytes() == (tmp_path / "a.html").read_bytes()


def test_few_or_no_readable_films_do_not_end_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (tmp_path / "d" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "d" / name / "IM-0115-0001.png"), picture(rng))
    (tmp_path / "d" / "virus" / "IM-0115-0001.png").write_bytes(b"")
    data = load_folder(tmp_path / "d")
    found = describe(data, survey(data))
    assert "no film of class virus can be read" in found.warnings
    assert "too few patients of a class to measure" in found.as_text()
    for name in CLASSES:
        (tmp_path / "d" / name / "IM-0115-0001.png").write_bytes(b"")
    with pytest.raises(DataSetError, match="no film can be read"):
        survey(data)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.sampled_from(["jpeg", "half", "darker", "flatter"]))
def test_the_content_hash_bears_what_an_export_does(seed: int, change: str) -> None:
    rng = np.random.default_rng(seed)
    film = picture(rng, 200, 260)
    changed = {
        "jpeg": lambda: cv2.imdecode(cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 0),
        "half": lambda: cv2.resize(film, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        "darker": lambda: cv2.LUT(film, (np.linspace(0, 1, 256) ** 1.25 * 255).astype(np.uint8)),
        "flatter": lambda: cv2.convertScaleAbs(film, alpha=0.8, beta=20),
    }[change]()
    hashes = np.stack([content_hash(film), content_hash(changed), content_hash(picture(rng, 200, 260))])
    assert [pair[:2] for pair in close_pairs(hashes, RADIUS)] == [(0, 1)]
    assert likeness(thumb(film), thumb(changed)) > LIKENESS


def test_films_of_alike_outlines_are_no_copies() -> None:
    across, down = np.meshgrid(np.arange(120), np.arange(120))
    one, other = (across + 10).astype(np.uint8), (across + down + 5).astype(np.uint8)
    assert (content_hash(one) == content_hash(other)).all()
    assert likeness(thumb(one), thumb(other)) < LIKENESS
    assert likeness(thumb(one), np.zeros((32, 32), np.uint8)) == 0


def test_close_pairs_are_all_found_across_blocks() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, (600, 4)).astype(np.uint64)
    hashes[599] = hashes[3] ^ np.array([7, 0, 0, 1 << 40], np.uint64)
    hashes[256] = hashes[255]
    assert close_pairs(hashes, RADIUS) == [(3, 599, 4), (255, 256, 0)]
