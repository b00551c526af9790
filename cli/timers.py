"""What a nightly job looks like to systemd, cron and Windows: texts only, nothing is run here."""

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass, field

from xscan.engine.errors import UsageError

CHECK_HOURS = 6  #: so long after its start, a night is looked at
MAX_AGE = "26h"  #: a day, and two hours for a night that was longer than the one before


@dataclass(frozen=True)
class Job:
    """A nightly job; all paths in it are absolute."""

    name: str
    at: str  #: HH:MM
    out: str  #: the triage list
    batch: list[str]  #: `batch` and what follows, without --notify
    notify: list[str] = field(default_factory=list)
    config: str = ""

    def command(self, *, notify: bool) -> list[str]:
        """The night's command. notify: it notifies itself, for nothing around it can."""
        line = [*xscan(), *([f"--config={self.config}"] if self.config else []), *self.batch]
        if self.notify:  # an empty one wins over the settings file's
            line.append(f"--notify={join(self.notify) if notify else ''}")
        return line

    def check(self) -> list[str]:
        """The command that looks whether the night has been."""
        line = [*xscan(), "schedule", "check", f"--out={self.out}", f"--max-age={MAX_AGE}"]
        return [*line, f"--notify={join(self.notify)}"]

    def failed(self) -> list[str]:
        """The command that systemd runs after a night that ended badly."""
        line = [*xscan(), "schedule", "failed", f"--name={self.name}", f"--out={self.out}"]
        return [*line, f"--notify={join(self.notify)}"]


def xscan() -> list[str]:
    """This installation. -P: a job must not import Python files that lie in its current folder."""
    return [sys.executable, "-P", "-m", "xscan.cli"]


def join(words: list[str]) -> str:
    """Words as one text, as `xscan.cli.notify.words` takes it apart again."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def parse_time(at: str) -> str:
    """`2:00` -> `02:00`. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,2}):(\d\d)", at.strip())
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        raise UsageError(f"cannot read --at {at}: write a time of day such as 02:00")
    return f"{int(match[1]):02}:{match[2]}"


def check_text(words: list[str]) -> None:
    """Raises UsageError for what no scheduler's file can hold."""
    for word in words:
        if any(ord(letter) < 32 or ord(letter) == 127 or "\ud800" <= letter <= "\udfff" for letter in word):
            raise UsageError(
                "a path or option holds a line break or is not UTF-8: a scheduler cannot keep it, rename it"
            )


# ---- systemd -----------------------------------------------------------------------------------------------

_UNITS = (".service", ".timer", ".failed.service", ".check.service", ".check.timer")
_JOB = "Job="


def unit_names(name: str) -> list[str]:
    """Every unit that a job may have."""
    return [f"xscan-{name}{suffix}" for suffix in _UNITS]


def units(job: Job) -> dict[str, str]:
    """A job's unit files by name. The timer runs a missed night as soon as the machine is on again."""
    service, timer, failed, check, check_timer = unit_names(job.name)
    about = f"xscan: nightly triage ({job.name})"
    on_failure = f"OnFailure={failed}\n" if job.notify else ""
    found = {
        service: f"[Unit]\nDescription={about}\n{on_failure}\n"
        # mixed: the run is asked to end and ends its workers itself, so that the films in hand are kept
        f"[Service]\nType=oneshot\nExecStart={systemd_line(job.command(notify=False))}\n"
        "KillMode=mixed\nTimeoutStopSec=180\n\n"
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


def job_of(unit: str) -> Job | None:
    """The job that a service file was made for."""
    for line in unit.splitlines():
        if line.startswith(_JOB):
            try:
                return Job(**json.loads(line[len(_JOB) :]))
            except (ValueError, TypeError):
                return None
    return None


def _service(about: str, command: list[str]) -> str:
    return f"[Unit]\nDescription={about}\n\n[Service]\nType=oneshot\nExecStart={systemd_line(command)}\n"


def _timer(about: str, when: str) -> str:
    return f"[Unit]\nDescription={about}\n\n[Timer]\n{when}\n\n[Install]\nWantedBy=timers.target\n"


def later(at: str) -> str:
    """The time of day when a night that began at `at` is looked at."""
    return f"{(int(at[:2]) + CHECK_HOURS) % 24:02}:{at[3:]}"


def systemd_line(command: list[str]) -> str:
    """A command as ExecStart= takes it: systemd.service(5), COMMAND LINES, and % of systemd.unit(5), SPECIFIERS."""
    first, *rest = (word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") for word in command)
    # No variables are put into the program's own path, so its $ stays single.
    return " ".join([f'"{first}"', *(f'"{word.replace("$", "$$")}"' for word in rest)])


# ---- cron and Windows --------------------------------------------------------------------------------------


def crontab(job: Job) -> str:
    """A job's lines for `crontab -e`."""
    lines = [f"# xscan {job.name}", _cron_line(job.at, job.command(notify=True))]
    if job.notify:
        lines.append(_cron_line(later(job.at), job.check()))
    return "\n".join(lines)


def _cron_line(at: str, command: list[str]) -> str:
    # cron makes a line break of each %, also inside the shell's quotes, unless a backslash is before it
    return f"{int(at[3:])} {int(at[:2])} * * * " + shlex.join(command).replace("%", "\\%")


def windows_task(job: Job) -> str:
    """A job as an XML file for `schtasks /create /xml`. (`/tr` holds 261 letters and runs no missed nights.)"""
    from xml.sax.saxutils import escape  # brings half the network modules along: not for every `xscan --help`

    program, *rest = job.command(notify=True)
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2026-01-01T{job.at}:00</StartBoundary>
      <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions>
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(rest))}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
