"""`xscan archive` as a user runs it, held against `xscan batch` on the same folder, with a real Ray and real kills."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from ...conftest import Xscan

pytest.importorskip("ray")
pytestmark = pytest.mark.skipif(not os.path.exists("/proc"), reason="looks at Ray's processes through /proc")

SMALL = ("--workers", 2, "--actor-cpus", 0.4, "--block", 4)


@pytest.fixture(scope="module")
def folder(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films in folders and a zip, doubles, a damaged film, a file that is none, a link out of the folder."""
    root = tmp_path_factory.mktemp("archive") / "films"
    shutil.copytree(phantoms, root / "a")
    films = sorted(phantoms.iterdir())
    (root / "b").mkdir()
    for film in films[:4]:
        shutil.copy(film, root / "b" / f"again-{film.name}")
    (root / "b" / "torn.jpg").write_bytes(next(phantoms.glob("*.jpg")).read_bytes()[:3000])
    (root / "b" / "notes.txt").write_text("no film")
    os.symlink(phantoms, root / "b" / "out")
    with zipfile.ZipFile(root / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for film in films[4:9]:
            archive.write(film, f"night/{film.name}")
    (root / os.fsdecode(b"odd-\xff.png")).write_bytes(next(phantoms.glob("*.png")).read_bytes())
    return root


@pytest.fixture(scope="module")
def whole(xscan: Xscan, folder: Path) -> bytes:
    """The list that a batch makes of it."""
    out = folder.parent / "batch.csv"
    assert xscan("batch", folder, "--out", out, "--workers", 1).returncode == 3
    return out.read_bytes()


def actors() -> list[int]:
    """Processes of the actors, and the worker processes below them."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if process.name.isdecimal() and line.startswith(b"ray::Scanner"):
            found.append(int(process.name))
    return found


def parts(place: Path) -> int:
    return len(list((place / "archive" / "parts").glob("0*.parquet")))


def test_the_list_is_a_batch_s_after_kills_of_driver_and_actors(
    xscan: Xscan, folder: Path, whole: bytes, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    command = [sys.executable, "-m", "xscan.cli", "archive", str(folder), "--out", str(place), *map(str, SMALL)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None and parts(place) < 1:
            time.sleep(0.02)
        run.kill()
    assert run.returncode == -signal.SIGKILL
    assert not (place / "triage.csv").exists()
    kept = parts(place)
    before = set(actors())
    with subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as again:
        mine: set[int] = set()
        while again.poll() is None and not mine:
            time.sleep(0.02)
            mine = set(actors()) - before
        for pid in mine:
            os.kill(pid, signal.SIGKILL)
        said, errors = again.communicate(timeout=300)
    assert again.returncode == 3, errors  # a film failed, as in the batch
    assert json.loads(said)["kept"] >= kept > 0
    assert (place / "triage.csv").read_bytes() == whole
    assert errors.count("\n") < 15, errors  # none of Ray's noise
    assert "ray" not in errors.lower()

    run_report = json.loads((place / "triage.csv.run.json").read_text())
    assert run_report["state"] == "finished"
    once_more = xscan("archive", folder, "--out", place, *SMALL)  # all parts are there: no cluster is started
    assert "nothing new" in once_more.stderr
    carried_on = xscan("batch", folder, "--out", place / "triage.csv", "--json")
    assert json.loads(carried_on.stdout)["kept"] > 10
    assert (place / "triage.csv").read_bytes() == whole
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(place / "triage.parquet")
    assert len(table) == whole.count(b"\n") - 1

    runs = json.loads(xscan("history", "--out", place / "triage.csv", "--json").stdout)["runs"]
    states = [(run["kind"], run["state"], run.get("files")) for run in runs]
    assert states == [("archive", "cut off", None), *[("archive", "finished", len(table))] * 2, states[3]]
    assert states[3][:2] == ("batch", "finished")
    scored = [sum(run["tonight"]["status"].get(name, 0) for name in ("ok", "review")) for run in runs[1:]]
    assert scored[0] == scored[1] > 10


def test_what_was_made_with_other_settings_is_not_mixed(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    from xscan.engine.archive.place import ArchiveFolder

    place = ArchiveFolder(tmp_path)
    place.make()
    place.remember({"settings": {"format": 1, "engine": "another"}})
    run = xscan("archive", folder, "--out", tmp_path, *SMALL)
    assert run.returncode == 2
    assert "made with another" in run.stderr
    assert "engine" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["{tmp}/nowhere", "--out", "{tmp}/p"], 2, "cannot list the folder"),
        (["{films}", "--out", "{tmp}/no/place"], 2, "cannot make the folder"),
        (["{films}", "--out", "{tmp}/file"], 2, "is a file"),
        (["{tmp}/file", "--out", "{tmp}/p"], 2, "is no inventory"),
        (["{films}", "--out", "{tmp}/taken"], 2, "is not xscan's"),
        (["{films}", "--out", "{tmp}/p", "--engine", "nothing"], 4, "no engine 'nothing'"),
        (["{films}", "--out", "{tmp}/p", "--address", "nonsense"], 2, "cannot read --address"),
        (["{films}", "--out", "{tmp}/p", "--address", "ray://127.0.0.1:9"], 2, "no Ray cluster answers"),
    ],
)
def test_bad_input_ends_in_one_line(
    xscan: Xscan, phantoms: Path, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "file").write_text("a letter")
    (tmp_path / "taken" / "archive").mkdir(parents=True)
    (tmp_path / "taken" / "archive" / "films.txt").write_text("a person's own")
    run = xscan("archive", *(a.format(films=phantoms, tmp=tmp_path) for a in arguments))
    assert run.returncode == code, run.stderr
    assert says in run.stderr
    assert run.stderr.count("\n") == 1
    assert (tmp_path / "taken" / "archive" / "films.txt").exists()
    assert not (tmp_path / "p" / "triage.csv").exists()
