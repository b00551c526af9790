"""systemd: the units of a nightly job, and what systemd says of them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..terminal.console import Console
from .hardened import by_system, by_user
from .job import NightlyJob, checked_name, later

_UNITS = (".service", ".timer", ".failed.service", ".check.service", ".check.timer")
#: systemd passes over sections that begin with X-; `xscan schedule show` reads this one, and what has none is not ours.
_OURS = "[X-Xscan]\n"
_JOB = "Job="


@dataclass(frozen=True)
class Systemd:
    """One of a machine's: a user's own, or that of the machine itself."""

    words: tuple[str, ...]  #: of systemctl
    folder: Path  #: of units

    @property
    def answers(self) -> bool:
        return sys.platform == "linux" and bool(self.output("show", "--property=Version"))

    def ctl(self, *words: str) -> None:
        """Raises UsageError when systemd refuses."""
        from xscan.engine.errors import UsageError

        command = ["systemctl", *self.words, *words]
        try:
            run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=False)
            why = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
        except (OSError, subprocess.TimeoutExpired):
            run, why = None, ["systemd does not answer"]
        if run is None or run.returncode != 0:
            raise UsageError(f"`{' '.join(command)}` failed: {why[-1]}")

    def output(self, *words: str) -> str:
        """What systemctl prints; nothing when it fails or is not there."""
        return output(["systemctl", *self.words, *words])

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        text = self.output("show", unit, *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def next(self, name: str) -> str:
        return self.properties(f"xscan-{name}.timer", "NextElapseUSecRealtime").get("NextElapseUSecRealtime", "")

    def last(self, name: str) -> str:
        state = self.properties(f"xscan-{name}.service", "ActiveState", "ExecMainStatus", "ExecMainExitTimestamp")
        if state.get("ActiveState") == "activating":
            return "running"
        ended = state.get("ExecMainExitTimestamp")
        return f"{ended}, exit code {state.get('ExecMainStatus')}" if ended else ""

    def jobs(self) -> Iterator[NightlyJob]:
        """Those that are installed."""
        for file in sorted(self.folder.glob("xscan-*.service")):
            if (job := job_of(file)) is not None:
                yield job


def own() -> Systemd:
    """That of the user who runs this command."""
    xdg = os.environ.get("XDG_CONFIG_HOME", "")
    folder = (Path(xdg) if os.path.isabs(xdg) else Path.home() / ".config") / "systemd" / "user"
    return Systemd(("--user",), folder)


SYSTEM = Systemd((), Path("/etc/systemd/system"))


def both() -> tuple[Systemd, Systemd]:
    return own(), SYSTEM


def of(name: str) -> Systemd | None:
    """Where a job of this name is installed; a user's own goes first."""
    units = unit_names(checked_name(name))
    return next((systemd for systemd in both() if any((systemd.folder / unit).exists() for unit in units)), None)


def has_systemd() -> bool:
    """Whether this user's systemd answers."""
    return own().answers


def require_own(systemd: Systemd, name: str) -> None:
    """Raise UsageError where a unit of that name stands that no `schedule install` wrote, such as the listener's."""
    from xscan.engine.errors import UsageError

    unit = systemd.folder / unit_names(name)[0]
    try:
        is_own = not os.path.lexists(unit) or _OURS in unit.read_text(encoding="utf-8", errors="replace")
    except OSError:
        is_own = False
    if not is_own:
        raise UsageError(f"{unit} is no job of xscan schedule install: give another --name")


def install(job: NightlyJob, systemd: Systemd, console: Console) -> None:
    """Write and enable a job's units, in place of an earlier one's of that name. Raises UsageError."""
    from xscan.engine.errors import UsageError

    texts = units(job)
    require_own(systemd, job.name)
    try:
        systemd.folder.mkdir(parents=True, exist_ok=True)
        for file in unit_names(job.name):
            if file in texts:
                (systemd.folder / file).write_text(texts[file], encoding="utf-8")
            elif (systemd.folder / file).exists():  # an earlier job of this name notified, this one does not
                systemd.ctl("disable", "--now", file)
                (systemd.folder / file).unlink()
    except OSError:
        raise UsageError(f"cannot write in {systemd.folder}: check its permissions") from None
    systemd.ctl("daemon-reload")
    for timer in (file for file in texts if file.endswith(".timer")):
        # Without its memory of the last night, or a timer that is moved to an earlier hour would start at once.
        systemd.output("stop", timer)
        systemd.output("clean", "--what=state", timer)
        systemd.ctl("enable", "--now", timer)
    if not job.user:
        _linger(console)


def _linger(console: Console) -> None:
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


def output(command: list[str]) -> str:
    """What a program prints; nothing when it fails or is not there."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout if run.returncode == 0 else ""


def unit_names(name: str) -> list[str]:
    """Every unit that a job may have."""
    return [f"xscan-{name}{suffix}" for suffix in _UNITS]


def units(job: NightlyJob) -> dict[str, str]:
    """A job's unit files by name. The timer runs a missed night as soon as the machine is on again."""
    service, timer, failed, check, check_timer = unit_names(job.name)
    about = f"xscan: nightly triage ({job.name})"
    on_failure = f"OnFailure={failed}\n" if job.notify else ""
    user = f"User={job.user}\n" if job.user else ""
    found = {
        service: f"[Unit]\nDescription={about}\n{on_failure}"
        f"{'Wants=remote-fs.target' + chr(10) + 'After=remote-fs.target' + chr(10) if job.user else ''}\n"
        # mixed: the run is asked to end and ends its workers itself, so that the films in hand are kept
        f"[Service]\nType=oneshot\n{user}ExecStart={systemd_line(job.command(notify=False))}\n"
        # continue: a worker that is killed for its memory costs one film, not the night
        "KillMode=mixed\nTimeoutStopSec=180\nOOMPolicy=continue\n"
        f"{by_system(job.folders, job.families) if job.user else by_user(job.families)}\n"
        f"{_OURS}{_JOB}{json.dumps(asdict(job))}\n",
        timer: _timer(about, f"OnCalendar=*-*-* {job.at}:00\nPersistent=true"),
    }
    if job.notify:  # what a site's own command needs nobody can know: its units are not hardened
        found[failed] = _service(f"{about}, it ended badly", user, job.failed())
        found[check] = _service(f"{about}, has it been?", user, job.check())
        # After a start, too: a machine that went down in the night has told nobody.
        when = f"OnCalendar=*-*-* {later(job.at)}:00\nOnStartupSec=15min"
        found[check_timer] = _timer(f"{about}, has it been?", when)
    return found


def job_of(unit: Path) -> NightlyJob | None:
    """The job that a service file was made for."""
    try:
        lines = unit.read_text(encoding="utf-8").splitlines()
        found = next((line for line in lines if line.startswith(_JOB)), None)
        return NightlyJob(**json.loads(found[len(_JOB) :])) if found else None
    except (OSError, ValueError, TypeError):
        return None


def _service(about: str, user: str, command: list[str]) -> str:
    return f"[Unit]\nDescription={about}\n\n[Service]\nType=oneshot\n{user}ExecStart={systemd_line(command)}\n"


def _timer(about: str, when: str) -> str:
    return f"[Unit]\nDescription={about}\n\n[Timer]\n{when}\n\n[Install]\nWantedBy=timers.target\n"


def systemd_line(command: list[str]) -> str:
    """A command as ExecStart= takes it: systemd.service(5), COMMAND LINES, and % of systemd.unit(5), SPECIFIERS."""
    first, *rest = (word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") for word in command)
    # No variables are put into the program's own path, so its $ stays single.
    return " ".join([f'"{first}"', *(f'"{word.replace("$", "$$")}"' for word in rest)])
