"""The real films beside the project: each gives what its list expects."""

import csv
from pathlib import Path

import numpy as np
import pytest

from xscan.engine.errors import FileProblem
from xscan.engine.read.decode import read_path

pytestmark = pytest.mark.data


def test_every_dicom_file_is_what_its_list_says(real: Path) -> None:
    with (real / "dicom.csv").open(encoding="utf-8", newline="") as stream:
        films = list(csv.DictReader(stream))
    assert films
    for film in films:
        path = real / "dicom" / film["file"]
        try:
            facts = read_path(path).facts
            fate = "review" if facts.doubts else "scored"
            assert (facts.rows, facts.columns) == (int(film["rows"]), int(film["cols"]))
            assert facts.transfer_syntax == film["transfer_syntax"]
        except FileProblem as problem:
            fate = problem.status
        assert fate in film["expect"], film["file"]


def test_monochrome_twins_are_exact_inverses(real: Path) -> None:
    one = read_path(real / "dicom/chest/Fake_MONOHR1.dcm").grey.astype(int)
    twin = "1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm"
    two = read_path(real / "dicom/chest" / twin).grey.astype(int)
    assert np.abs(one + two - 255).max() <= 1


@pytest.mark.parametrize("folder", ["kermany224", "originals", "adults"])
def test_a_sample_of_the_films_is_read(real: Path, folder: str) -> None:
    paths = sorted(path for path in (real / folder).rglob("*.*") if path.is_file())
    for path in paths[:: max(1, len(paths) // 20)]:
        film = read_path(path)
        assert film.grey.std() > 10
        assert film.facts.doubts == []
