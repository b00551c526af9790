"""`xscan batch` that is cut off, killed, or loses its disks: it carries on to the same list."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.errors import OutputError
from xscan.engine.lists.output import Output

from ...conftest import Here, Xscan
from .lists import POSIX


@pytest.fixture(scope="module")
def night(phantoms: Path, tmp_path_factory: pytest.TempPathFactory, xscan: Xscan) -> tuple[Path, Path]:
    """A folder with 108 films, and their list by an undisturbed run."""
    place = tmp_path_factory.mktemp("night")
    for film in phantoms.iterdir():
        for copy in range(9):
            (place / "films").mkdir(exist_ok=True)
            shutil.copy(film, place / "films" / f"{copy:02d}-{film.name}")
    assert xscan("batch", place / "films", "--out", place / "whole.csv").returncode == 0
    return place / "films", place / "whole.csv"


@pytest.mark.skipif(not POSIX, reason="signals are sent the POSIX way")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP] if POSIX else [])
def test_an_interrupted_run_carries_on_to_the_same_list(
    night: tuple[Path, Path], tmp_path: Path, xscan: Xscan, number: int
) -> None:
    (folder, whole), out = night, tmp_path / "list.csv"
    command = [sys.executable, "-m", "xscan.cli", "batch", str(folder), "--out", str(out), "--batch-size", "2"]

    def heard() -> None:  # also where the tests run under nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=heard) as run:
        part = tmp_path / "list.csv.part"
        while run.poll() is None and not (part.exists() and part.stat().st_size > 2000):
            time.sleep(0.005)
        by_terminal = number in (signal.SIGINT, signal.SIGHUP)  # to every process of it
        (os.killpg if by_terminal else os.kill)(run.pid, number)
    assert run.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    assert part.exists()
    assert not out.exists()
    resumed = xscan("batch", folder, "--out", out, "--json")
    assert json.loads(resumed.stdout)["kept"] > 0
    assert out.read_bytes() == whole.read_bytes()


def test_a_run_killed_before_its_first_row_carries_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Output, "write_report", killed)
        with pytest.raises(KeyboardInterrupt), Output(tmp_path / "list.csv", {"format": 1}):
            pass
    with Output(tmp_path / "list.csv", {"format": 1}) as output:
        assert not list(output.earlier())


@pytest.mark.skipif(not POSIX, reason="signals are sent the POSIX way")
def test_a_run_under_nohup_outlives_its_terminal(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "xscan.cli", "batch", str(folder), "--out", str(tmp_path / "list.csv")]
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=ignore, start_new_session=True) as run:
        while run.poll() is None and not (tmp_path / "list.csv.part").exists():
            time.sleep(0.005)
        os.killpg(run.pid, signal.SIGHUP)
    assert run.returncode == 0


@pytest.mark.skipif(not os.path.exists("/proc"), reason="looks at processes through /proc")
def test_workers_die_with_their_parent(folder: Path, tmp_path: Path) -> None:
    for film in list(folder.iterdir()):
        for copy in range(15):
            shutil.copy(film, folder / f"{copy:02d}-{film.name}")
    command = [sys.executable, "-m", "xscan.cli", "batch", str(folder), "--out", str(tmp_path / "list.csv")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        part = tmp_path / "list.csv.part"
        while run.poll() is None and not (part.exists() and part.stat().st_size > 2000):
            time.sleep(0.005)
        workers = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        run.kill()
    assert workers
    deadline = time.monotonic() + 10
    while [pid for pid in workers if _runs(pid)] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in workers if _runs(pid)]


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not POSIX, reason="a folder in use can be renamed on POSIX only")
def test_a_share_that_goes_away_ends_the_run_and_comes_back(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    for film in list(folder.iterdir()):
        for copy in range(15):
            shutil.copy(film, folder / f"{copy:02d}-{film.name}")
    whole, out = tmp_path / "whole.csv", tmp_path / "list.csv"
    xscan("batch", folder, "--out", whole)
    command = [sys.executable, "-m", "xscan.cli", "batch", str(folder), "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        part = tmp_path / "list.csv.part"
        while run.poll() is None and not (part.exists() and part.stat().st_size > 2000):
            time.sleep(0.005)
        folder.rename(tmp_path / "away")
        assert run.stderr is not None
        says = run.stderr.read()
    assert run.returncode == 5
    assert "the scanned folder is gone" in says
    (tmp_path / "away").rename(folder)
    assert xscan("batch", folder, "--out", out).returncode == 0
    assert out.read_bytes() == whole.read_bytes()


def test_a_second_run_on_one_output_is_refused(xscan: Xscan, phantoms: Path, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    with Output(out, {}):
        run = xscan("batch", phantoms, "--out", out)
    assert run.returncode == 2
    assert f"process {os.getpid()}" in run.stderr
    with Output(out, {}, restart=True), pytest.raises(OutputError):  # the lock holds within a process too
        Output(out, {}).__enter__()


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.skipif(not POSIX, reason="a limit on file size stands in for a full disk")
def test_a_full_disk_ends_the_run_and_loses_nothing(xscan: Xscan, folder: Path, tmp_path: Path) -> None:
    import resource

    def nearly_full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))

    for film in list(folder.iterdir()):
        for copy in range(4):
            shutil.copy(film, folder / f"{copy:02d}-{film.name}")
    whole, out = tmp_path / "whole.csv", tmp_path / "list.csv"
    xscan("batch", folder, "--out", whole)
    run = xscan("batch", folder, "--out", out, preexec_fn=nearly_full)
    assert run.returncode == 5, run.stderr
    assert run.stderr.count("\n") == 1
    assert (tmp_path / "list.csv.part").stat().st_size == 5000
    assert xscan("batch", folder, "--out", out).returncode == 0
    assert out.read_bytes() == whole.read_bytes()


def test_a_share_that_does_not_answer_at_the_start_is_no_mistake_of_the_commands(
    night: tuple[Path, Path], tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder, whole), out = night, tmp_path / "list.csv"
    shutil.copy(whole, out)
    real = os.scandir

    def failing(path: Any = ".") -> Any:
        if Path(path) == folder:
            raise OSError(errno.ESTALE, "stale", str(path))
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", failing)
        ended = here("batch", folder, "--out", out)
    assert (ended.code, ended.said.count("\n")) == (5, 1), ended.said
    assert "bring its disk or share back" in ended.said
    assert out.read_bytes() == whole.read_bytes()
