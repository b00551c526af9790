"""The radiologist: one film, the list of the morning, the page, other points, and what the list was worth."""

import csv
import json
from pathlib import Path

import pytest

from .conftest import Run

pytestmark = pytest.mark.journey


def test_from_one_film_to_an_audit(run: Run, desk: Path) -> None:
    run("phantom", "films", "--count", 6, "--size", "500x400")
    film = sorted((desk / "films").iterdir())[1]
    shown = run("inspect", film, "--map", "map.png").stdout
    assert shown.startswith("status ")
    assert "priority " in shown
    assert (desk / "map.png").read_bytes().startswith(b"\x89PNG")
    run("batch", film, "--out", "one.csv")
    [row] = csv.DictReader((desk / "one.csv").read_text("utf-8").splitlines())
    said = json.loads(run("inspect", film, "--json").stdout)
    assert (said["priority"], said["finding"]) == (row["priority"], row["finding"])

    run("batch", "films", "--report", "--lang", "es")
    page = (desk / "triage.html").read_bytes()
    # The page of the wrong folder, or of none, does not replace it.
    (desk / "wrong").mkdir()
    assert "no page was written" in run("report", "triage.csv", "wrong", code=2).stderr
    assert "--no-thumbnails" in run("report", "triage.csv", code=2).stderr
    assert (desk / "triage.html").read_bytes() == page
    run("report", "triage.csv", "films")

    moved = run("triage", "triage.csv", "--rule-in", "threshold=0.99", "--out", "strict.csv").stdout
    assert "before" in moved
    run("triage", "triage.csv", "--rule-in", "threshold=0.98", "--out", "strict.csv")  # the next day, again

    # Truths as a German Excel saves them.
    rows = csv.DictReader((desk / "triage.csv").read_text("utf-8").splitlines())
    lines = [f"{row['file']};{'unauffällig' if 'normal' in row['file'] else 'Pneumonie'}\r\n" for row in rows]
    (desk / "befunde.csv").write_bytes(("Dateiname;Befund\r\n" + "".join(lines)).encode("cp1252"))
    assert "6 films with score and truth" in run("audit", "triage.csv", "befunde.csv").stdout
    (desk / "falsch.csv").write_bytes("Bild;Klasse\r\nx;y\r\n".encode("cp1252"))
    assert "Bild, Klasse" in run("audit", "triage.csv", "falsch.csv", code=2).stderr
