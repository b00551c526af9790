"""`xscan batch --mend` on real films that were turned or inverted."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from ...conftest import Xscan

pytestmark = pytest.mark.data


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}


def test_turned_films_are_scored_upright_and_never_routine(xscan: Xscan, real: Path, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    sources = [p for kind in ("normal", "virus") for p in sorted((real / "originals" / kind).iterdir())[:4]]
    for i, source in enumerate(sources):
        film = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
        assert film is not None
        for name, made in (
            ("good", film),
            ("half", np.rot90(film, 2)),
            ("left", np.rot90(film)),
            ("right", np.rot90(film, -1)),
            ("black", 255 - film),
        ):
            cv2.imwrite(str(films / f"{i}-{name}.png"), np.ascontiguousarray(made))
    command = ("batch", films, "--workers", "1", "--out")
    assert xscan(*command, tmp_path / "plain.csv").returncode == 0
    done = xscan(*command, tmp_path / "mended.csv", "--mend", "--report")
    assert done.returncode == 0, done.stderr
    plain, mended = rows_of(tmp_path / "plain.csv"), rows_of(tmp_path / "mended.csv")

    right = [name for name, row in mended.items() if row["reason"].startswith("mended: ")]
    assert len(right) >= 24  # of 32
    assert {name.split("-")[1] for name in right} == {"half.png", "left.png", "right.png", "black.png"}
    for name in right:
        row, good = mended[name], plain[name.split("-")[0] + "-good.png"]
        assert row["status"] == "review"
        assert row["priority"] != "routine"
        assert abs(float(row["p_pneumonia"]) - float(good["p_pneumonia"])) < 0.1
    for name in mended.keys() - set(right):
        assert mended[name] == plain[name]
    assert not any(name.endswith("good.png") for name in right)

    done = xscan(*command, tmp_path / "mended.csv")  # a list never holds rows of both kinds
    assert done.returncode == 2
    assert "mend" in done.stderr
