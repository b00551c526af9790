"""The clinic's IT person: is it installed, does it run tonight, does it tell of a bad night, is anything lost."""

import csv
import json
import os
import re
from pathlib import Path

import pytest

from .conftest import Run

pytestmark = pytest.mark.journey


def test_a_night_from_install_to_the_second_run(run: Run, desk: Path) -> None:
    assert re.fullmatch(r"xscan \d+\.\d+\.\d+\n", run("-V").stdout)
    lines = run("--help").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "Every night:" in lines
    assert run("doctor").stdout.startswith("ready: float32 on ")
    # Nothing to scan, a slip of the pen, a folder that is not there: one line that says what to do.
    assert "xscan batch --help" in run("batch", code=2).stderr
    assert "did you mean 'batch'" in run("bacth", code=2).stderr.lower()
    assert "did you mean --report?" in run("batch", "films", "--reprot", code=2).stderr
    assert "check that it exists" in run("batch", "no-share", code=2).stderr

    run("phantom", "films", "--count", 6, "--size", "400x300")
    (desk / "films" / "torn.dcm").write_bytes(b"DICM of old")
    (desk / "films" / "notes.txt").write_text("no film")
    told = desk / "told.txt"
    bell = desk / "tell.py"
    bell.write_text(f"import os; open({str(told)!r}, 'a').write(os.environ['XSCAN_EXIT_CODE'])\n")
    import sys

    notify = f'"{sys.executable}" "{bell}"'
    night = ("batch", "films", "--out", "triage.csv", "--report", "--notify", notify, "--max-failures", "50%")
    first = run(*night)
    assert "6 radiographs scored" in first.stderr
    assert "engine: compact.onnx (fp32), as shipped" in first.stderr
    assert not told.exists()
    rows = list(csv.DictReader((desk / "triage.csv").read_text("utf-8").splitlines()))
    assert len(rows) == 8
    assert (desk / "triage.html").read_bytes().startswith(b"<!doctype html>")
    before = (desk / "triage.csv").read_bytes()
    assert "nothing new" in run(*night).stderr
    assert (desk / "triage.csv").read_bytes() == before

    # A list in a sheet's hands, a folder that is empty tonight: the list stays.
    run(
        "batch",
        "films",
        "--out",
        "triage.csv",
        "--max-failures",
        "0",
        "--notify",
        notify,
        code=3 if _failed(rows) else 0,
    )
    empty = desk / "empty"
    empty.mkdir()
    assert "choose another --out" in run("batch", "empty", "--out", "triage.csv", code=2).stderr
    assert (desk / "triage.csv").read_bytes() == before
    for film in (desk / "films").iterdir():
        film.rename(empty / film.name)
    assert "--allow-shrink" in run("batch", "films", "--out", "triage.csv", code=5).stderr
    assert (desk / "triage.csv").read_bytes() == before


def _failed(rows: list[dict[str, str]]) -> bool:
    return any(row["status"] == "failed" for row in rows)


def test_what_is_printed_as_json_is_json(run: Run, desk: Path) -> None:
    run("phantom", "films", "--count", 3, "--size", "400x300")
    assert json.loads(run("batch", "films", "--json", "-q").stdout)["files"] == 3
    assert json.loads(run("doctor", "--json").stdout)["usable"] is True
    assert json.loads(run("batch", "gone", "--json", code=2).stdout)["exit_code"] == 2
    assert json.loads(run("config", "show", "--json").stdout)["settings"] == []
    assert json.loads(run("engine", "show", "compact", "--json").stdout)["runs_here"] is True


@pytest.mark.skipif(os.name != "posix", reason="bash")
def test_completion_and_the_module(run: Run) -> None:
    assert "complete" in run("completion", "bash").stdout
    assert run("batch", "--help-all").stdout.count("\n") > 40
