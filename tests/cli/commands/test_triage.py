"""`xscan triage`, `xscan audit` and `xscan report` as a user runs them."""

import json
from pathlib import Path
from threading import Event

import pytest

from xscan.engine.batch.pictures import drawn
from xscan.engine.errors import OutputError
from xscan.engine.lists.own_files import pictures_folder

from ...engine.report.lists import made_up_rows, write_list


@pytest.fixture
def night(tmp_path: Path) -> Path:
    write_list(tmp_path / "night.csv", made_up_rows(60))
    return tmp_path / "night.csv"


def test_triage_tells_and_writes(night: Path, xscan) -> None:
    done = xscan("triage", night, "--rule-in", "threshold=0.5", "--out", night.with_name("new.csv"), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rule_in"]["threshold"] == 0.5
    assert told["after"]["urgent"] > told["before"]["urgent"]
    again = xscan("triage", night.with_name("new.csv"))  # its run report has the points that were used
    assert again.returncode == 0, again.stderr
    assert "0.5000" in again.stdout
    assert xscan("triage", night, "--out", night.with_name("new.csv")).returncode == 0  # of the same list: made again
    night.with_name("new.jpeg").write_bytes(b"a film")  # whose name leads to that list's run report
    assert xscan("triage", night, "--out", night.with_name("new.jpeg")).returncode == 2
    before = night.read_bytes()
    done = xscan("triage", night.with_name("new.csv"), "--out", night)
    assert done.returncode == 2
    assert "exists" in done.stderr
    assert night.read_bytes() == before


def test_a_wish_that_cannot_be_met_says_so(night: Path, xscan) -> None:
    done = xscan("triage", night, "--rule-out", "sensitivity=0.99")
    assert done.returncode == 4
    assert "threshold=" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", [("triage", "nightly.csv"), ("audit", "nightly.csv", "truth.csv")])
def test_a_list_that_is_not_there_is_told_as_that(line: tuple[str, ...], xscan) -> None:
    done = xscan(*line)
    assert (done.returncode, done.stderr) == (2, "xscan: no list nightly.csv: make it with xscan batch\n")


def test_a_list_is_compared_with_a_list(night: Path, xscan) -> None:
    done = xscan("compare", "gone.csv", night)
    assert done.returncode == 2
    assert f"{night} is a triage list, and gone.csv is none" in done.stderr


def test_audit_and_report(night: Path, xscan) -> None:
    truth = night.with_name("truth.csv")
    lines = [f"{row.file},normal\n" for row in made_up_rows(60)[:-1] if row.priority]
    truth.write_text("file,truth\n" + "".join(lines), encoding="utf-8")
    done = xscan("audit", night, truth)
    assert done.returncode == 0, done.stderr
    assert "calibration" in done.stdout
    done = xscan("report", night, "--lang", "es")
    assert done.returncode == 0, done.stderr
    assert night.with_suffix(".html").is_file()
    before = night.read_bytes()
    done = xscan("report", night, "--out", night)
    assert done.returncode == 2
    assert "no page of xscan" in done.stderr
    done = xscan("report", night, night.parent, "--out", night.with_name("gone") / "page.html")
    assert done.returncode == 2
    assert "gone does not exist: make it" in done.stderr
    into = pictures_folder(night.with_name("gone") / "page.html")
    with pytest.raises(OutputError, match=r"cannot write .*page\.html\.films"):
        drawn(night, night.parent, Path("no.onnx"), None, into, 1, Event()).__enter__()
    assert night.read_bytes() == before


def test_batch_takes_a_sites_points_and_keeps_them_apart(tmp_path: Path, phantoms: Path, xscan) -> None:
    settings = tmp_path / "xscan.toml"
    settings.write_text('[operating-points]\nrule-in = "threshold=1"\nrule-out = "threshold=0.999"\n', encoding="utf-8")
    command = ("batch", phantoms, "--out", tmp_path / "t.csv", "--workers", "1")
    done = xscan("--config", settings, *command, "--report")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "t.csv.run.json").read_text("utf-8"))
    assert report["manifest"]["rule_out"]["threshold"] == 0.999
    assert (tmp_path / "t.html").is_file()
    assert not (tmp_path / "t.csv.films").exists()
    done = xscan(*command)  # the list must not hold rows of two settings
    assert done.returncode == 2
    assert "points" in done.stderr
    done = xscan(*command, "--restart", "--rule-in", "threshold=0.0001", "--rule-out", "threshold=0.5")
    assert done.returncode == 2
    assert "below rule-out" in done.stderr
