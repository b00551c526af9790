"""The units that `xscan schedule install` writes: hardened, for whom, and who reads the lists."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xscan.cli.nightly.job import NightlyJob
from xscan.cli.nightly.systemd import units

from .machine import Machine, exec_start, linux


@linux
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_finds_nothing_wrong(machine: Machine, tmp_path: Path) -> None:
    assert machine.install("--notify", "true 'a b' 50%").returncode == 0
    run = subprocess.run(
        ["systemd-analyze", "verify", "--user", *map(str, sorted(machine.units.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
        env=machine.env | {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr
    assert "xscan" not in run.stderr


@linux
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_the_machines_own_unit_is_hardened(tmp_path: Path) -> None:
    folders = ["/data/lists", "/data/fílms 100%"]
    job = NightlyJob(
        "nightly", "02:00", "/data/lists/n.csv", ["batch", "/data"], ["true"], user="xscan", folders=folders
    )
    texts = units(job)
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert ("User=xscan\n" in text) == name.endswith(".service")
    unit = tmp_path / "xscan-nightly.service"
    assert 'ReadWritePaths="-/data/lists" "-/data/fílms 100%%"' in texts[unit.name]
    assert "OOMPolicy=continue" in texts[unit.name]
    assert "--system" in exec_start(texts["xscan-nightly.failed.service"])
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "xscan" not in verified.stderr
    looked = ["systemd-analyze", "security", "--offline=true", "--threshold=30", unit]
    assert subprocess.run(looked, capture_output=True, check=False).returncode == 0  # exposure of at most 3.0 in 10


@linux
def test_a_users_own_unit_asks_for_nothing_that_needs_privileges(machine: Machine) -> None:
    assert machine.install().returncode == 0
    unit = machine.unit(".service")
    assert "SystemCallFilter=@system-service landlock_create_ruleset" in unit
    assert "RestrictAddressFamilies=AF_UNIX\n" in unit
    # 218/CAPABILITIES and 226/NAMESPACE of systemd.exec(5): the night would not begin
    assert not [line for line in unit.splitlines() if line.startswith(("Protect", "Private", "Capability", "User="))]


@linux
@pytest.mark.parametrize(
    ("user", "says"),
    [("root", "needs no root"), ("no-such-user", "no user no-such-user")],
)
def test_a_job_of_another_user_is_checked_now(machine: Machine, user: str, says: str) -> None:
    run = machine.install("--user", user)
    assert run.returncode == 2
    assert says in run.stderr


@linux
def test_a_group_reads_the_lists(machine: Machine, phantoms: Path) -> None:
    import grp

    group = grp.getgrgid(os.getgid()).gr_name
    lists = machine.here / "lists"
    lists.mkdir(mode=0o700)
    out = lists / "list.csv"
    batch = ("--", "batch", phantoms, "--out", out)
    assert machine.xscan("batch", phantoms, "--out", out, "--engine", "seed").returncode == 0
    assert out.stat().st_mode & 0o777 == 0o600
    refused = machine("install", "--group", "no-such-group", *batch)
    assert refused.returncode == 2
    assert "no group no-such-group" in refused.stderr
    assert machine("install", "--group", group, *batch).returncode == 0
    assert lists.stat().st_mode & 0o7777 == 0o2750
    assert out.stat().st_mode & 0o777 == 0o640
    (lists / "list.csv").unlink()
    # a night under the unit's umask
    night = (
        "sh",
        "-c",
        'umask 0027; exec "$@"',
        "sh",
        *exec_start(machine.unit(".service")),
        "--restart",
        "--engine=seed",
    )
    subprocess.run(night, env=machine.env, check=True, capture_output=True)
    assert {file.stat().st_mode & 0o777 for file in lists.iterdir()} == {0o640}
    assert {file.stat().st_gid for file in lists.iterdir()} == {lists.stat().st_gid}


@linux
def test_at_a_terminal_it_is_asked_who_reads(machine: Machine) -> None:
    import grp
    import pty

    group = grp.getgrgid(os.getgid()).gr_name
    lists = machine.here / "lists"
    lists.mkdir()
    command = [sys.executable, "-m", "xscan.cli", "schedule", "install", "--", "batch", machine.films.name]
    command += ["--out", "lists/list.csv"]
    here, there = pty.openpty()
    with os.fdopen(here, "r+b", buffering=0) as terminal:
        asked = subprocess.Popen(command, stdin=there, stdout=there, stderr=there, cwd=machine.here, env=machine.env)
        os.close(there)
        terminal.write(group.encode() + b"\n")
        said = b""
        try:
            while chunk := terminal.read(4096):
                said += chunk
        except OSError:  # Linux's end of file
            pass
        assert asked.wait(60) == 0, said
    assert b"A group that may read them, too" in said
    assert lists.stat().st_mode & 0o2050 == 0o2050
