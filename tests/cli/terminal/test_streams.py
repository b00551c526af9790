"""Runs without a stderr, without any stream, or with a reader that has gone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="closes file descriptors as a POSIX shell does")

COMMAND = [sys.executable, "-m", "xscan.cli"]


def closing(*numbers: int) -> Callable[[], None]:
    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


def run(*arguments: object, closed: tuple[int, ...]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        preexec_fn=closing(*closed),
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)])
def test_a_batch_needs_no_streams(phantoms: Path, tmp_path: Path, closed: tuple[int, ...]) -> None:
    out = tmp_path / "t.csv"
    done = run("batch", phantoms, "--out", out, closed=closed)
    assert (done.returncode, done.stdout) == (0, b"")
    assert out.read_bytes().count(b"\n") == 13


def test_without_stderr_only_data_reaches_stdout(phantoms: Path, tmp_path: Path) -> None:
    done = run("batch", phantoms, "--out", tmp_path / "t.csv", "--json", "-v", closed=(2,))
    assert json.loads(done.stdout)["files"] == 12
    assert run("batch", tmp_path / "none", closed=(2,)).returncode == 2
    assert run("no-such-command", closed=(2,)).returncode == 2


@pytest.mark.parametrize("arguments", [["doctor"], ["--help"], ["config", "show", "--json"]])
def test_a_reader_that_has_gone_costs_nothing(arguments: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=pipe, stderr=subprocess.PIPE, cwd=tmp_path, timeout=120, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_mistake_keeps_its_code_when_nobody_reads_of_it() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [*COMMAND, "batch", "/no/such/folder"], stdout=pipe, stderr=pipe, timeout=120, check=False
        )
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's /dev/full")
def test_a_full_disk_behind_stdout_is_code_5() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, "doctor"], stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
    assert done.returncode == 5
    assert done.stderr.count(b"\n") == 1
