"""`xscan batch --notify`: told of every bad end, silent on a good one, and never the reason for another exit code."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from xscan.cli.notify import tell, words
from xscan.engine.errors import UsageError

from ..conftest import Xscan

TELL = """
import json, os, sys
print("this goes nowhere")
told = {"args": sys.argv[2:], "code": os.environ["XSCAN_EXIT_CODE"]}
open(sys.argv[1], "a", encoding="utf-8").write(json.dumps(told) + chr(10))
"""


class Bell:
    """A command that writes down what it was told."""

    def __init__(self, folder: Path) -> None:
        script = folder / "téll me.py"
        script.write_text(TELL)
        self.file = folder / "told 100%.jsonl"
        quote = subprocess.list2cmdline if os.name == "nt" else shlex.join
        self.command = quote([sys.executable, str(script), str(self.file), "it's $HOME"])

    def told(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []


@pytest.fixture
def bell(tmp_path: Path) -> Bell:
    return Bell(tmp_path)


def test_a_good_night_is_silent_and_a_bad_one_is_told(xscan: Xscan, phantoms: Path, tmp_path: Path, bell: Bell) -> None:
    out = tmp_path / "list.csv"
    run = xscan("batch", phantoms, "--out", out, "--notify", bell.command, "--workers", 1)
    assert run.returncode == 0, run.stderr
    assert bell.told() == []
    films = tmp_path / "films"
    films.mkdir()
    (films / "torn.dcm").touch()
    run = xscan("batch", films, "--out", "b.csv", "--json", "--notify", bell.command, "--workers", 1, cwd=tmp_path)
    assert run.returncode == 3
    json.loads(run.stdout)  # nothing of the command's output is mixed in
    report = str(tmp_path / "b.csv.run.json")
    assert bell.told() == [{"args": ["it's $HOME", report], "code": "3"}]
    # An engine error ends the run before a report is written: that of the night before is not passed on.
    run = xscan("batch", films, "--out", out, "--engine", "none", "--notify", bell.command)
    assert run.returncode == 4
    assert bell.told()[-1] == {"args": ["it's $HOME", ""], "code": "4"}
    run = xscan("batch", tmp_path / "gone", "--out", out, "--notify", bell.command, "--max-failures", "x")
    assert run.returncode == 2
    assert bell.told()[-1]["code"] == "2"


def test_a_crash_is_told(tmp_path: Path, phantoms: Path, bell: Bell) -> None:
    code = (
        "import sys, xscan.engine.batch.run as b\n"
        "def crash(*_): raise RuntimeError('a defect')\n"
        "b.run_batch = crash\n"
        "from xscan.cli.__main__ import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "batch", str(phantoms), "--out", "x.csv", "--notify", bell.command]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 1
    assert "internal error" in run.stderr
    assert bell.told() == [{"args": ["it's $HOME", ""], "code": "1"}]


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interruption_is_told(tmp_path: Path, phantoms: Path, bell: Bell, number: int) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for copy in range(60):
        for film in phantoms.iterdir():
            os.link(film, films / f"{copy}-{film.name}")
    out = tmp_path / "list.csv"
    command = [sys.executable, "-m", "xscan.cli", "batch", films, "--out", out, "--notify", bell.command]
    with subprocess.Popen([*map(str, command), "--workers", "1"], stderr=subprocess.DEVNULL) as process:
        _wait_for(lambda: out.with_suffix(".csv.part").exists())
        process.send_signal(number)
        assert process.wait(60) == 130
    assert bell.told() == [{"args": ["it's $HOME", str(tmp_path / "list.csv.run.json")], "code": "130"}]


def _wait_for(what: Callable[[], bool]) -> None:
    for _ in range(600):
        if what():
            return
        time.sleep(0.05)
    raise TimeoutError


@pytest.mark.parametrize(
    ("notify", "says"),
    [
        (f"'{sys.executable}' -c 'import sys; sys.exit(7)'", "ended with code 7"),
        ("no-such-program --at all", "cannot be started"),
    ],
)
def test_its_failure_is_a_warning(xscan: Xscan, tmp_path: Path, notify: str, says: str) -> None:
    run = xscan("batch", tmp_path, "--engine", "none", "--notify", notify)
    assert run.returncode == 4
    assert says in run.stderr


def test_what_cannot_be_split_is_refused_before_the_run(xscan: Xscan, phantoms: Path, tmp_path: Path) -> None:
    run = xscan("batch", phantoms, "--out", tmp_path / "x.csv", "--notify", "tell 'me")
    assert run.returncode == 2
    assert "a quote is not closed" in run.stderr
    assert not list(tmp_path.iterdir())


def test_a_command_that_hangs_is_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "alive"
    child = f"import time; time.sleep(2); open({str(mark)!r}, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    started = time.monotonic()
    tell([sys.executable, "-c", code], None, 3, seconds=0.5)
    assert time.monotonic() - started < 5
    assert "took longer than 0.5 seconds" in capfd.readouterr().err
    if os.name == "posix":  # with all that it had started
        time.sleep(2.5)
        assert not mark.exists()


def test_words() -> None:
    assert words("tell 'two words' \"x y\" a#b") == ["tell", "two words", "x y", "a#b"]
    for broken in ("'", " ", 'a "b'):
        with pytest.raises(UsageError):
            words(broken)


def test_words_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xscan.cli.notify.os.name", "nt")
    command = r'"C:\Program Files\tell\tell.exe" C:\x\y 1'
    found = words(command)
    monkeypatch.undo()
    assert found == [r"C:\Program Files\tell\tell.exe", r"C:\x\y", "1"]


def test_a_settings_file_that_cannot_be_read_is_told(xscan: Xscan, phantoms: Path, tmp_path: Path, bell: Bell) -> None:
    (tmp_path / "xscan.toml").write_text("[batch")
    run = xscan("batch", phantoms, "--notify", bell.command, cwd=tmp_path)
    assert run.returncode == 2
    assert "not valid TOML" in run.stderr
    assert bell.told() == [{"args": ["it's $HOME", ""], "code": "2"}]
