"""The ML engineer in a plain install: what works without extras, and what each command names as missing."""

import json
import re
from pathlib import Path

import pytest

from .conftest import Run

pytestmark = pytest.mark.journey


def test_a_plain_install(run: Run, desk: Path, program: Path) -> None:
    run("phantom", "films", "--count", 9, "--size", "400x300")
    data = desk / "data"
    for name in ("normal", "bacteria", "virus"):
        (data / name).mkdir(parents=True)
        for film in (desk / "films").glob(f"*{name}*"):
            film.rename(data / name / film.name)
    evaluated = json.loads(run("evaluate", "compact", "data", "--json").stdout)
    assert evaluated["films"] == 9
    assert "McNemar" in run("compare", "compact", "seed", "data").stdout
    assert "temperature" in run("engine", "show", "seed").stdout
    assert "films a second" in run("bench", "compact", "--seconds", "0.2", "--batch", "1").stderr
    run("data", "pack", "data", "--out", "packed", "--size", 64)
    run("build-engine", "compact", "--precision", "int8", "--out", "mine.engine", "-q")
    run("batch", "data", "--engine", "mine.engine", "--out", "int8.csv")
    for line in (("train", "data", "--out", "run"), ("export", "run", "--data", "data"), ("data", "describe", "data")):
        said = run(*line, code=2).stderr
        assert re.search(rf"{re.escape(str(program.parent))}\S*python\S* -m pip install .xscan\[train\]", said)
        assert not (desk / "run").exists()
    assert "xscan[plots]" in run("evaluate", "compact", "data", "--html", "page.html", code=2).stderr
