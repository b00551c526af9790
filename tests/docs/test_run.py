"""What the docs show, and what commands advise, is run as it stands: in this process, on phantoms."""

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from xscan.calibration.points.scores import write_scores
from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.engine.phantom.files import write_phantoms

from ..calibration import networks
from ..conftest import Here
from .test_advice import documented

#: Commands that are only parsed (test_advice.py): they train, need a peer, a GPU or another package, change the
#: machine's timers, or take long.
PARSED = {
    *("train", "export", "sweep", "fit-gate", "build-engine", "bench", "archive", "schedule install", "schedule show"),
    *(
        "data describe DATA",
        "data describe DATA --json",
        "fetch",
        "send",
        "listen",
        "pacs test",
        "accept",
        "engine show",
    ),
}
#: Exit codes other than 0, with the reason.
CODES = {
    "batch TODAY --engine clinic.engine": 4,  # nobody built it here
    "schedule check --out /data/lists/triage.csv": 3,  # a night that never was
    "monitor --out": 3,  # the night that the docs made is not of last night
}
#: What a page takes for granted.
BEFORE = {"data.md": "data split DATA --out split.csv", "triage.md": "batch data/export --out triage.csv"}
#: What stands for a reader's own names.
NAMES = {"MODEL": "compact", "MODEL_A": "compact", "MODEL_B": "seed"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A reader's folder, with all that the docs' commands name."""
    box = tmp_path_factory.mktemp("desk")
    write_phantoms(box / "drawn", 36, rows=120, columns=100)
    lines = ["file,patient,fold"]
    for name in CLASSES:
        (box / "DATA" / name).mkdir(parents=True)
        for i, film in enumerate(sorted((box / "drawn").glob(f"*{name}*"))):
            shutil.copy(film, box / "DATA" / name / film.name)
            lines.append(f"{name}/{film.name},{name}{i},{i % 10}")
    (box / "DATA.csv").write_text("\n".join(lines) + "\n")
    few = sorted((box / "drawn").iterdir())[:3]
    for folder in ("FOLDER", "TODAY", "films", "data/export", "data/lists", "folder"):
        (box / folder).mkdir(parents=True)
        for film in few if folder != "data/lists" else []:
            shutil.copy(film, box / folder)
    truth = [f"{film.name},{next(name for name in CLASSES if name in film.name)}" for film in few]
    (box / "truth.csv").write_text("\n".join(["file,truth", *truth]) + "\n")
    (box / "data" / "engines").mkdir()
    for network in (box / "model.onnx", box / "seed.onnx", box / "data" / "engines" / "new.onnx"):
        network.write_bytes(networks.residual().SerializeToString())
    films = load_folder(box / "DATA").films
    for number, scores in enumerate(("runs/default/out-of-fold.csv", "runs/seed-oof/scores.csv")):
        (box / scores).parent.mkdir(parents=True)
        logits = np.random.default_rng(number).normal(0, 1, (len(films), 3))
        write_scores(box / scores, [("validate", films, logits)])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(box)
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(box / "home"))
        yield box


def words_of(line: str, desk: Path) -> list[str]:
    """The words behind `xscan`, with this desk's places, up to what the shell takes for itself."""
    words = []
    for word in shlex.split(line, comments=True)[1:]:
        if re.fullmatch(r"[|&]|2?>>?", word):
            break
        words.append(NAMES.get(word, re.sub(r"(?<![\w.])/(data|srv)/", rf"{desk}/\1/", word)))
    return words


def called(words: list[str]) -> str:
    return " ".join(words[:2]) if words[0] in ("data", "engine", "log", "pacs", "schedule", "config") else words[0]


@pytest.mark.filterwarnings("ignore")  # of libraries, about the few films
def test_the_documented_commands_run_as_written(here: Here, desk: Path) -> None:
    wrong, count, last = [], 0, ""
    for page, line in dict.fromkeys(documented()):
        if page != last:  # each page begins anew with the list that they all call triage.csv
            last = page
            for made in desk.glob("triage.*"):
                shutil.rmtree(made) if made.is_dir() else made.unlink()
            if page in BEFORE:
                here(*BEFORE[page].split())
        words = words_of(line, desk)
        if called(words) in PARSED or " ".join(words) in PARSED:
            continue
        if called(words) in ("data pack", "data split"):  # the docs show two ways to make one
            made = desk / words[words.index("--out") + 1]
            shutil.rmtree(made, ignore_errors=True)
            made.unlink(missing_ok=True)
        code, _, said = here(*words)
        count += 1
        wanted = next((c for start, c in CODES.items() if line.removeprefix("xscan ").startswith(start)), 0)
        if code != wanted:
            wrong.append(f"{page}: {line}: exit code {code}: {said.strip()[-300:]}")
    assert not wrong, "\n".join(wrong)
    assert count > 30


ADVICE = re.compile(r"xscan(?: [^\s;,()]+)+")


def advised(said: str) -> list[list[str]]:
    """The commands in what was printed, from `xscan` to the end of what can be one."""
    return [shlex.split(match[0].rstrip("."))[1:] for match in ADVICE.finditer(said)]


@pytest.mark.filterwarnings("ignore")
def test_advice_of_a_night_runs(here: Here, desk: Path) -> None:
    assert here("batch", "films", "--out", "odd name's.csv", "--report")[0] == 0
    shutil.copy(next((desk / "drawn").glob("*virus*")), desk / "films")
    _, _, said = here("batch", "films", "--out", "odd name's.csv", "--shadow", "seed")
    commands = re.findall(r"(?:compare: |anew with )(xscan .*)", said)
    assert sorted(shlex.split(command)[1] for command in commands) == ["compare", "report"], said
    for command in commands:
        assert here(*shlex.split(command)[1:])[0] == 0, command


def test_advice_of_an_engine_and_of_the_machine_runs(here: Here, desk: Path) -> None:
    code, shown, _ = here("doctor")
    assert code == 0
    for command in re.findall(r": (xscan [a-z-]+)$", shown, re.MULTILINE):
        assert here(*shlex.split(command)[1:], "--help")[0] == 0
    assert "xscan batch --help" in here("batch")[2]
    assert here("batch", "--help")[0] == 0
    assert os.getcwd() == str(desk)
