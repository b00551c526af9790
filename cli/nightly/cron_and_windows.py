"""Nightly jobs where there is no systemd: cron's line, Windows' task."""

import shlex
import subprocess

from .job import NightlyJob, later


def crontab(job: NightlyJob) -> str:
    """A job's lines for `crontab -e`."""
    lines = [f"# xscan {job.name}", _cron_line(job.at, job.command(notify=True))]
    if job.notify:
        lines.append(_cron_line(later(job.at), job.check()))
    return "\n".join(lines)


def _cron_line(at: str, command: list[str]) -> str:
    # cron makes a line break of each %, also inside the shell's quotes, unless a backslash is before it
    return f"{int(at[3:])} {int(at[:2])} * * * " + shlex.join(command).replace("%", "\\%")


def windows_task(job: NightlyJob) -> str:
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
