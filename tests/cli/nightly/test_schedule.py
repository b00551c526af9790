"""`xscan schedule`, through the command line."""

import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from filelock import FileLock

from xscan.cli.nightly.cron_and_windows import crontab, windows_task
from xscan.cli.nightly.job import NightlyJob
from xscan.cli.nightly.night import Night, look, parse_age
from xscan.cli.nightly.systemd import systemd_line
from xscan.engine.errors import UsageError

from ...conftest import Xscan
from ..test_notify import Bell
from .machine import Machine, exec_start, linux


@linux
def test_install_writes_a_timer_that_catches_up(machine: Machine) -> None:
    run = machine.install("--at", "2:05")
    assert run.returncode == 0, run.stderr
    assert "OnCalendar=*-*-* 02:05:00\nPersistent=true" in machine.unit(".timer")
    command = exec_start(machine.unit(".service"))
    batch = ["batch", str(machine.films), "--max-failures=2%", f"--out={machine.here / 'list.csv'}"]
    assert command == [sys.executable, "-P", "-m", "xscan.cli", *batch]
    assert sorted(file.name for file in machine.units.iterdir()) == ["xscan-nightly.service", "xscan-nightly.timer"]
    assert "--user daemon-reload" in machine.asked
    assert "--user enable --now xscan-nightly.timer" in machine.asked
    assert "--no-ask-password enable-linger" in machine.asked
    (job,) = json.loads(machine("show", "--json").stdout)["jobs"]
    assert (job["at"], job["next"], job["last"]) == ("02:05", "Tue 2026-11-24 02:00:00 UTC", "Mon 02:10, exit code 3")
    assert job["command"] == batch


@linux
def test_a_fetch_with_a_scan_is_a_night_too(machine: Machine) -> None:
    (machine.here / "xscan.toml").write_text(
        '[pacs.main]\naet = "PACS"\nhost = "10.0.0.5"\noff-peak = "22:00-06:00"\n', encoding="utf-8"
    )
    fetch = ["--", "fetch", "from the PACS", "--from", "main", "--scan", "--out", "list.csv"]
    for line, says in (
        (["--at", "12:00", *fetch], "outside the off-peak hours"),
        (fetch[:-3], "add --scan"),
        ([*fetch, "--since", "soon"], "--since soon"),
        ([*fetch, "--from", "mian"], "there: main"),
        (["--", "send", "list.csv", "--to", "main"], "cannot schedule send"),
    ):
        run = machine("install", *line)
        assert (run.returncode, says in run.stderr) == (2, True), run.stderr
    assert not machine.units.exists()
    bell = Bell(machine.here)
    run = machine("install", "--at", "23:30", "--notify", bell.command, *fetch)
    assert run.returncode == 0, run.stderr
    command = exec_start(machine.unit(".service"))
    assert command[4:6] == [f"--config={machine.here / 'xscan.toml'}", "fetch"]
    assert sorted(command[6:-1]) == sorted(
        [str(machine.here / "from the PACS"), "--from=main", "--scan", f"--out={machine.here / 'list.csv'}"]
    )
    assert command[-1] == "--notify="
    assert "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n" in machine.unit(".service")  # it asks the PACS


@linux
def test_with_notify_a_bad_night_and_no_night_are_told(machine: Machine) -> None:
    bell = Bell(machine.here)
    run = machine.install("--at", "20:30", "--notify", bell.command)
    assert run.returncode == 0, run.stderr
    assert "OnFailure=xscan-nightly.failed.service" in machine.unit(".service")
    assert exec_start(machine.unit(".service"))[-1] == "--notify="  # systemd tells, so that it is told once
    assert "OnCalendar=*-*-* 02:30:00\nOnStartupSec=15min" in machine.unit(".check.timer")
    out = machine.here / "list.csv"
    # killed by signal 9 a moment ago, with a report that says how far it came
    report = out.with_name(out.name + ".run.json")
    report.write_text('{"state": "running"}')
    began = int((time.monotonic() - 60) * 1e6)
    state = f"ExecMainCode=2\\nExecMainStatus=9\\nExecMainStartTimestampMonotonic={began}\\n"
    told = subprocess.run(exec_start(machine.unit(".failed.service")), env=machine.env | {"STATE": state}, check=False)
    assert told.returncode == 0
    assert bell.told() == [{"args": ["it's $HOME", str(report)], "code": "137"}]
    # exit code 4 before anything was written: the report is of another night
    os.utime(report, times=(time.time() - 90_000, time.time() - 90_000))
    subprocess.run(
        exec_start(machine.unit(".failed.service")),
        env=machine.env | {"STATE": state.replace("Code=2", "Code=1").replace("Status=9", "Status=4")},
        check=True,
    )
    assert bell.told()[-1] == {"args": ["it's $HOME", ""], "code": "4"}
    check = subprocess.run(
        exec_start(machine.unit(".check.service")), env=machine.env, check=False, capture_output=True, text=True
    )
    assert check.returncode == 3
    assert "was cut off" in check.stderr
    assert bell.told()[-1] == {"args": ["it's $HOME", str(report)], "code": "3"}


@linux
def test_a_second_install_replaces_the_first_and_remove_takes_all(machine: Machine) -> None:
    assert machine.install("--notify", "true it").returncode == 0
    assert machine.install("--name", "other").returncode == 0
    assert len(list(machine.units.iterdir())) == 7
    assert machine.install("--at", "03:00").returncode == 0
    assert "03:00:00" in machine.unit(".timer")
    assert not (machine.units / "xscan-nightly.check.timer").exists()
    assert "--user disable --now xscan-nightly.check.timer" in machine.asked
    assert machine("remove").returncode == 0
    assert "--user disable --now xscan-nightly.timer" in machine.asked
    assert all(file.name.startswith("xscan-other") for file in machine.units.iterdir())
    again = machine("remove")
    assert again.returncode == 2
    assert "no job named nightly" in again.stderr
    assert "other: every night at 02:00" in machine("show").stdout


@linux
def test_a_unit_that_no_install_wrote_stays(machine: Machine) -> None:
    machine.units.mkdir(parents=True)
    unit = machine.units / "xscan-listen.service"  # where `schedule service` says that its unit is to be saved
    unit.write_text("[Service]\nExecStart=xscan listen\n")
    for run in (machine.install("--name", "listen"), machine("remove", "--name", "listen")):
        assert run.returncode == 2
        assert "is no job of xscan schedule install: give another --name" in run.stderr
    assert list(machine.units.iterdir()) == [unit]
    assert unit.read_text() == "[Service]\nExecStart=xscan listen\n"
    assert not any("able" in line for line in machine.asked)


@linux
def test_what_systemd_refuses_is_said(machine: Machine) -> None:
    run = machine.install(REFUSE="enable-linger")
    assert run.returncode == 0
    assert "only while you are logged in" in run.stderr
    run = machine.install(REFUSE="enable --now")
    assert run.returncode == 2
    assert run.stderr.startswith("xscan: `systemctl --user enable --now xscan-nightly.timer` failed: Access denied")


@linux
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--at", "25:00", "--", "batch", "."], "cannot read --at 25:00"),
        (["--", "batch", "nowhere"], "no folder nowhere"),
        (["--", "batch", ".", "--wrokers", "2"], "no such option --wrokers: did you mean --workers?"),
        (["--", "batch", ".", "--workers", "many"], "--workers"),
        (["--", "batch", ".", "--max-failures", "x"], "cannot read --max-failures x"),
        (["--", "batch", ".", "--out", "no/such/list.csv"], "does not exist"),
        (["--", "merge", "a", "b"], "cannot schedule merge"),
        (["--notify", "no-such-program", "--", "batch", "."], "no program no-such-program"),
        (["--name", "../x", "--", "batch", "."], "cannot use --name"),
    ],
)
def test_a_slip_is_caught_at_once(machine: Machine, args: list[str], says: str) -> None:
    run = machine("install", *args)
    assert run.returncode == 2
    assert says in run.stderr
    assert not machine.units.exists()
    assert not any("enable" in line for line in machine.asked)


@linux
def test_settings_are_named_in_the_job_and_an_export_holds_none(machine: Machine) -> None:
    file = machine.here / "xscan.toml"
    file.write_text('[batch]\nout = "lists.csv"\nnotify = "true it"\n[schedule.install]\nat = "04:10"\n')
    assert machine("install", "--", "batch", machine.films.name).returncode == 0
    command = exec_start(machine.unit(".service"))
    assert command[4:] == [
        f"--config={file}",
        "batch",
        str(machine.films),
        f"--out={machine.here}/lists.csv",
        "--notify=",
    ]
    assert "04:10" in machine.unit(".timer")
    assert "OnFailure=" in machine.unit(".service")
    run = machine("install", "--", "batch", ".")
    assert "is not read" in run.stderr
    assert "--config" not in machine.unit(".service")


@linux
def test_without_systemd_the_line_for_cron_is_printed(plain: Machine, phantoms: Path) -> None:
    bell = Bell(plain.here)
    (plain.films / "torn.dcm").touch()
    run = plain.install("--at", "02:07", "--notify", bell.command)
    assert run.returncode == 4, run.stderr  # nothing is installed yet
    assert "crontab -e" in run.stderr
    mark, night, check = run.stdout.splitlines()
    assert mark == "# xscan nightly"
    assert night.startswith("7 2 * * * ")
    assert check.startswith("7 8 * * * ")
    # cron(8): \% becomes %, and sh gets the rest
    job, look = (line.split(" ", 5)[5].replace("\\%", "%") for line in (night, check))
    ended = subprocess.run(["/bin/sh", "-c", job], cwd="/", env=plain.env, capture_output=True, check=False)
    assert ended.returncode == 3, ended.stderr
    assert (plain.here / "list.csv").exists()
    assert bell.told()[0] == {"args": ["it's $HOME", str(plain.here / "list.csv.run.json")], "code": "3"}
    well = subprocess.run(["/bin/sh", "-c", look], cwd="/", env=plain.env, capture_output=True, check=False)
    assert well.returncode == 0
    assert len(bell.told()) == 1
    assert "nothing is scheduled" in plain("show").stdout
    assert "# xscan nightly" in plain("remove").stdout


@linux
def test_the_quoting_for_systemd() -> None:
    hard = ["/usr/bin/p y$", 'a"b', "c\\d", "50%", "$HOME ${X}", "é ü", ";", "", "'"]
    line = systemd_line(hard)
    assert line == '"/usr/bin/p y$" "a\\"b" "c\\\\d" "50%%" "$$HOME $${X}" "é ü" ";" "" "\'"'
    assert exec_start(f"ExecStart={line}") == hard


def test_the_file_for_windows() -> None:
    line = ["batch", "D:\\a & b", "--out=D:\\out\\list.csv"]
    job = NightlyJob("nightly", "02:00", "D:\\out\\list.csv", line, ["tell.exe"])
    text = windows_task(job)
    root = ET.fromstring(text.encode("utf-16"))
    space = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    assert root.findtext(f".//{space}Command") == sys.executable
    assert root.findtext(f".//{space}StartWhenAvailable") == "true"
    arguments = root.findtext(f".//{space}Arguments") or ""
    assert '"D:\\a & b"' in arguments
    assert arguments.endswith("--notify=tell.exe")
    assert crontab(job).startswith("# xscan nightly\n0 2 * * * ")


def test_check(xscan: Xscan, tmp_path: Path) -> None:
    out = tmp_path / "list.csv"
    report = tmp_path / "list.csv.run.json"
    day = 86_400.0
    run = xscan("schedule", "check", "--out", out)
    assert run.returncode == 3
    assert run.stderr == "xscan: warning: there has been no night yet: no run report is there\n"
    report.write_text('{"state": "finished"}')
    run = xscan("schedule", "check", "--out", out, "--json")
    assert run.returncode == 0
    assert json.loads(run.stdout)["well"] is True
    os.utime(report, times=(time.time() - 1.25 * day, time.time() - 1.25 * day))
    assert look(out, 2 * day).well
    assert look(out, day) == Night(False, "the last run ended 30.0 hours ago, more than 24 hours")
    report.write_text('{"state": "running"}')
    with FileLock(tmp_path / "list.csv.lock"):
        assert look(out, day).well  # it goes on
        assert "more than" in look(out, -1).message
    assert "cut off" in look(out, day).message
    report.write_text('{"state": "interrupted"}')
    assert "interrupted" in look(out, day).message
    report.write_text("{")
    assert not look(out, day).well
    assert [parse_age(text) for text in ("26h", "1.5 d", "90m")] == [93_600, 129_600, 5_400]
    with pytest.raises(UsageError):
        parse_age("soon")
