"""`xscan schedule service`: what runs the listener as a service, held against systemd's own reading of it."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from xscan.cli.nightly.service import ListenService, windows_service

from ...conftest import Xscan
from .test_schedule import exec_start

linux = pytest.mark.skipif(sys.platform != "linux", reason="systemd")


@linux
def test_the_unit_runs_the_command_with_absolute_paths(xscan: Xscan, tmp_path: Path) -> None:
    odd = tmp_path / 'fílms 100% "it\'s" $HOME'
    odd.mkdir()
    done = xscan(
        *("schedule", "service", "--user", "xscan", "--", "listen", "--from", "CR 1", "--from", "CR2"),
        *("--store", odd.name + "/in", "--out", "list.csv", "--port", "104"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "systemctl enable --now xscan-listen" in done.stderr
    listen = ["listen", "--port=104", "--from=CR 1", "--from=CR2"]
    command = exec_start(done.stdout)
    assert command[:4] == [sys.executable, "-P", "-m", "xscan.cli"]
    assert sorted(command[4:]) == sorted([*listen, f"--store={odd / 'in'}", f"--out={tmp_path / 'list.csv'}"])
    assert "User=xscan\n" in done.stdout
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE" in done.stdout
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "xscan-listen.service"
    unit.write_text(done.stdout, encoding="utf-8")
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "xscan-listen.service:" not in verified.stderr
    looked = ["systemd-analyze", "security", "--offline=true", "--threshold=30", unit]
    assert subprocess.run(looked, capture_output=True, check=False).returncode == 0  # exposure of at most 3.0 in 10


@linux
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("batch", "films"), "put a listen behind --"),
        (("listen", "--store", "absent/films"), "does not exist"),
        (("listen", "--port", "seventy"), "--port"),
    ],
)
def test_a_slip_is_found_now(xscan: Xscan, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = xscan("schedule", "service", "--user", "xscan", "--", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_windows() -> None:
    service = ListenService(["listen", "--store=C:\\films & more", '--out=C:\\"l".csv'], ["C:\\"], 11112)
    task = ET.fromstring(windows_service(service).encode("utf-16"))
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    assert task.find(f".//{space}BootTrigger") is not None
    arguments = task.findtext(f".//{space}Arguments") or ""
    assert '"--store=C:\\films & more"' in arguments
