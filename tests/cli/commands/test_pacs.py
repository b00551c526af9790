"""`xscan fetch`, `send` and `pacs test` as a person calls them."""

import json
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

from ...conftest import Xscan
from ...engine.pacs.lists import row_of, write_list
from ...engine.pacs.orthanc import orthanc
from ...engine.pacs.peers import films, free_port, storescu

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")


def settings(folder: Path, **tables: dict[str, object]) -> Path:
    file = folder / "clinic.toml"
    lines = []
    for name, table in tables.items():
        lines += [f"[pacs.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    file.write_text("\n".join(lines))
    return file


def test_a_night_without_an_export(xscan: Xscan, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    with orthanc(tmp_path / "o") as archive:
        assert storescu(archive.port, *films(tmp_path / "drawn", 3), called="ORTHANC") == 0
        table: dict[str, object] = {"aet": "ORTHANC", "host": "127.0.0.1", "port": archive.port, "contour": True}
        config = settings(tmp_path, main=table)
        state = ["--state", tmp_path / "state"]
        csv, folder = tmp_path / "night.csv", tmp_path / "films"
        line = ["--config", config, "fetch", folder, "--from", "main", "--since", "2020-01-01", *state]
        night = xscan(*line, "--scan", "--out", csv, timeout=200)
        assert night.returncode == 0, night.stderr
        assert "3 new films" in night.stderr
        rows = csv.read_text().splitlines()[1:]
        assert len(rows) == 3
        done = xscan("--config", config, "send", csv, "--to", "main", *state, "--json", timeout=200)
        assert done.returncode == 0, done.stderr
        [told] = json.loads(done.stdout)["sent_to"]
        assert (told["sent"], told["failed"], told["waiting"]) == (6, 0, 0)
        (tmp_path / "sr.dcm").write_bytes(next(iter(archive.instances("SR").values())))
        percent = {
            item.MeasuredValueSequence[0].NumericValue
            for group in pydicom.dcmread(tmp_path / "sr.dcm").ContentSequence[-1].ContentSequence
            for item in group.ContentSequence
            if item.ValueType == "NUM"
        }
        assert any(f"{float(max(percent)) / 100:.4f}" in row for row in rows)
        again = xscan("--config", config, "send", csv, folder, "--to", "main", *state)
        assert again.returncode == 0
        assert "0 objects sent" in again.stderr
        assert xscan("--config", config, "pacs", "test", "main").returncode == 0
    down = xscan("--config", config, "send", csv, "--to", "main", *state, "--again")
    assert down.returncode == 5
    assert "6 objects wait for main" in down.stderr
    waits = xscan("--config", config, "pacs", "outbox", "main", *state)
    lines = waits.stdout.splitlines()
    assert len(lines) == 6
    assert all(line.startswith("main  waiting") for line in lines)
    assert {line.split()[-1] for line in lines} == {row.split(",")[11] for row in rows}
    pruned = xscan("pacs", "prune", "--older-than", "0d", *state)
    assert "0 objects sent or failed, 3 films fetched" in pruned.stdout + pruned.stderr
    before = csv.read_bytes()
    nothing = xscan(*line, "--scan", "--out", csv, timeout=200)  # the PACS is down: what came earlier is scanned
    assert nothing.returncode == 5
    assert "nothing listens" in nothing.stderr
    assert "3 files" in nothing.stderr
    assert csv.read_bytes() == before
    for run in (night, done, again, down, waits, nothing):
        assert "PHANTOM^" not in run.stdout + run.stderr
        assert "Traceback" not in run.stderr


def test_slips_are_one_line(xscan: Xscan, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    [film] = films(folder, 1)
    csv = tmp_path / "night.csv"
    write_list(csv, [row_of(film, folder)])
    config = settings(tmp_path, main={"aet": "PACS", "host": "127.0.0.1", "port": free_port(), "timeout": 2})
    for line, says in (
        (("send", csv), "--to"),
        (("send", csv, "--to", "mian"), "there: main"),
        (("send", tmp_path / "no.csv", "--to", "main"), "no list"),
        (("send", csv, "--to", "main"), "where are the films"),
        (("send", config, folder, "--to", "main"), "no triage list"),
        (("pacs", "outbox", "mian", "--state", tmp_path), "nothing was sent from"),
        (("fetch", tmp_path / "f", "--from", "main", "--since", "soon"), "--since"),
        (("fetch", tmp_path / "f", "--from", "main", "--modality", "C R"), "--modality"),
        (("fetch", tmp_path / "f", "--from", "main", "--accession-list", tmp_path / "no"), "cannot be read"),
        (("fetch", tmp_path / "f", "--from", "main", "--scan", "--out", tmp_path / "f" / "x.csv"), "is scanned"),
        (("fetch", tmp_path / "f", "--from", "main", "--scan", "--out", tmp_path / "no" / "x.csv"), "does not exist"),
        (("fetch", tmp_path / "f", "--from", "main", "--report"), "add --scan"),
    ):
        done = xscan("--config", config, *line)
        assert done.returncode == 2, (line, done.stderr)
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    (tmp_path / "all.txt").write_text("*\n")
    done = xscan(
        "--config", config, "fetch", tmp_path / "f", "--from", "main", "--accession-list", tmp_path / "all.txt"
    )
    assert (done.returncode, "no accession number" in done.stderr) == (2, True)
    done = xscan("--config", config, "fetch", tmp_path / "f", "--from", "main", "--state", tmp_path / "state")
    assert (done.returncode, "nothing listens" in done.stderr) == (5, True)
    assert done.stderr.count("\n") == 1
    assert xscan("--config", config, "pacs", "test", "main").returncode == 3


@pytest.mark.parametrize("missing", ["pynetdicom", "highdicom"])
def test_a_missing_extra_is_one_line_with_the_remedy(tmp_path: Path, missing: str) -> None:
    config = settings(tmp_path, main={"aet": "PACS", "host": "127.0.0.1"})
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['xscan', '--config', {str(config)!r}, 'send', "
        "'x.csv', '--to', 'main']; from xscan.cli.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert missing in done.stderr
    assert "xscan[pacs]" in done.stderr
    assert done.stderr.count("\n") == 1
