"""A folder for temporary files: it goes with its block, and what a killed process left goes with the next."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.disk.scratch import scratch

WAITS = """
from xscan.engine.disk.scratch import scratch
with scratch() as folder:
    (folder / "film").touch()
    print(folder, flush=True)
    input()
"""
MANY = """
from xscan.engine.disk.scratch import scratch
for _ in range(100):
    with scratch() as folder:
        (folder / "film").touch()
        assert (folder / "film").exists()
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_it_goes_with_its_block_and_after_a_kill_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = tmp_path / "xscan-personal.lock"
    mine.touch()
    command = [sys.executable, "-c", WAITS]
    start: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    start["env"] = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, **start) as alive, subprocess.Popen(command, **start) as killed:
        used, left = Path(alive.stdout.readline().strip()), Path(killed.stdout.readline().strip())
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert (left / "film").exists()
        with scratch() as folder:
            assert folder.stat().st_mode & 0o777 == 0o700
            assert not left.exists()
            assert (used / "film").exists()
            (folder / "film").touch()
        alive.communicate("\n")
    assert list(tmp_path.iterdir()) == [mine]


def test_many_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(tmp_path))
    running = [subprocess.Popen([sys.executable, "-c", MANY], env=environment) for _ in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    assert not any(path.is_dir() for path in tmp_path.iterdir())
