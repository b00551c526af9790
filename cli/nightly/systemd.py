"""systemd: the units of a nightly job, and what systemd says of them."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from ..terminal.console import Console
from .job import NightlyJob, _checked_name, later


def has_systemd() -> bool:
    """Whether this user's systemd answers."""
    return sys.platform == "linux" and bool(_output(["systemctl", "--user", "show", "--property=Version"]))


def unit_folder() -> Path:
    xdg = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(xdg) if os.path.isabs(xdg) else Path.home() / ".config") / "systemd" / "user"


def _install_units(job: NightlyJob, console: Console) -> None:
    from xscan.engine.errors import UsageError

    texts = units(job)
    try:
        unit_folder().mkdir(parents=True, exist_ok=True)
        for file in unit_names(job.name):
            if file in texts:
                (unit_folder() / file).write_text(texts[file], encoding="utf-8")
            elif (unit_folder() / file).exists():  # an earlier job of this name notified, this one does not
                _systemctl("disable", "--now", file)
                (unit_folder() / file).unlink()
    except OSError:
        raise UsageError(f"cannot write in {unit_folder()}: check its permissions") from None
    _systemctl("daemon-reload")
    for timer in (file for file in texts if file.endswith(".timer")):
        # Without its memory of the last night, or a timer that is moved to an earlier hour would start at once.
        _output(["systemctl", "--user", "stop", timer])
        _output(["systemctl", "--user", "clean", "--what=state", timer])
        _systemctl("enable", "--now", timer)
    try:
        linger = subprocess.run(
            ["loginctl", "--no-ask-password", "enable-linger"], capture_output=True, timeout=30, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        linger = 1
    if linger != 0:
        console.warn(
            "the job runs only while you are logged in: "
            f"let an administrator run `loginctl enable-linger {os.environ.get('USER', 'NAME')}`"
        )


def _systemctl(*words: str) -> None:
    """Raises UsageError when systemd refuses."""
    from xscan.engine.errors import UsageError

    command = ["systemctl", "--user", *words]
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False)
        why = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
    except (OSError, subprocess.TimeoutExpired):
        run, why = None, ["systemd does not answer"]
    if run is None or run.returncode != 0:
        raise UsageError(f"`{' '.join(command)}` failed: {why[-1]}")


def _output(command: list[str]) -> str:
    """What a program prints; nothing when it fails or is not there."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout if run.returncode == 0 else ""


def _properties(unit: str, *names: str) -> dict[str, str]:
    text = _output(["systemctl", "--user", "show", unit, *(f"--property={name}" for name in names)])
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _next(name: str) -> str:
    return _properties(f"xscan-{name}.timer", "NextElapseUSecRealtime").get("NextElapseUSecRealtime", "")


def _last(name: str) -> str:
    state = _properties(f"xscan-{name}.service", "ActiveState", "ExecMainStatus", "ExecMainExitTimestamp")
    if state.get("ActiveState") == "activating":
        return "running"
    ended = state.get("ExecMainExitTimestamp")
    return f"{ended}, exit code {state.get('ExecMainStatus')}" if ended else ""


def _installed(name: str) -> NightlyJob | None:
    file = unit_folder() / unit_names(_checked_name(name))[0]
    return job_of(file.read_text(encoding="utf-8")) if file.is_file() else None


_UNITS = (".service", ".timer", ".failed.service", ".check.service", ".check.timer")


_JOB = "Job="


def unit_names(name: str) -> list[str]:
    """Every unit that a job may have."""
    return [f"xscan-{name}{suffix}" for suffix in _UNITS]


def units(job: NightlyJob) -> dict[str, str]:
    """A job's unit files by name. The timer runs a missed night as soon as the machine is on again."""
    service, timer, failed, check, check_timer = unit_names(job.name)
    about = f"xscan: nightly triage ({job.name})"
    on_failure = f"OnFailure={failed}\n" if job.notify else ""
    found = {
        service: f"[Unit]\nDescription={about}\n{on_failure}\n"
        # mixed: the run is asked to end and ends its workers itself, so that the films in hand are kept
        f"[Service]\nType=oneshot\nExecStart={systemd_line(job.command(notify=False))}\n"
        # continue: a worker that is killed for its memory costs one film, not the night
        "KillMode=mixed\nTimeoutStopSec=180\nOOMPolicy=continue\n\n"
        # systemd passes over sections that begin with X-; `xscan schedule show` reads this one
        f"[X-Xscan]\n{_JOB}{json.dumps(asdict(job))}\n",
        timer: _timer(about, f"OnCalendar=*-*-* {job.at}:00\nPersistent=true"),
    }
    if job.notify:
        found[failed] = _service(f"{about}, it ended badly", job.failed())
        found[check] = _service(f"{about}, has it been?", job.check())
        # After a start, too: a machine that went down in the night has told nobody.
        when = f"OnCalendar=*-*-* {later(job.at)}:00\nOnStartupSec=15min"
        found[check_timer] = _timer(f"{about}, has it been?", when)
    return found


def job_of(unit: str) -> NightlyJob | None:
    """The job that a service file was made for."""
    for line in unit.splitlines():
        if line.startswith(_JOB):
            try:
                return NightlyJob(**json.loads(line[len(_JOB) :]))
            except (ValueError, TypeError):
                return None
    return None


def _service(about: str, command: list[str]) -> str:
    return f"[Unit]\nDescription={about}\n\n[Service]\nType=oneshot\nExecStart={systemd_line(command)}\n"


def _timer(about: str, when: str) -> str:
    return f"[Unit]\nDescription={about}\n\n[Timer]\n{when}\n\n[Install]\nWantedBy=timers.target\n"


def systemd_line(command: list[str]) -> str:
    """A command as ExecStart= takes it: systemd.service(5), COMMAND LINES, and % of systemd.unit(5), SPECIFIERS."""
    first, *rest = (word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") for word in command)
    # No variables are put into the program's own path, so its $ stays single.
    return " ".join([f'"{first}"', *(f'"{word.replace("$", "$$")}"' for word in rest)])
