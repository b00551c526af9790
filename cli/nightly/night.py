"""Whether the last night has been, told by its run report."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from xscan.engine.errors import UsageError, XscanError
from xscan.engine.lists.output import is_running
from xscan.engine.lists.run_report import RunReport, State, report_of

_AHEAD = 3600  #: seconds that two machines' clocks may be apart
_SECONDS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Night:
    well: bool
    message: str


def parse_age(text: str, option: str = "--max-age") -> float:
    """`26h` -> seconds. Raises UsageError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhd])", text.strip())
    if not match:
        raise UsageError(f"cannot read {option} {text}: write 26h, 90m or 2d")
    return float(match[1]) * _SECONDS[match[2]]


def look(out: Path, max_age: float) -> Night:
    """How the last night of a triage list stands."""
    report = report_of(out)
    try:
        age = time.time() - report.stat().st_mtime
    except FileNotFoundError:
        return Night(False, "there has been no night yet: no run report is there")
    except OSError:
        return Night(False, "the run report cannot be read")
    try:
        told = RunReport.read(out)
    except XscanError:
        told = None
    if told is None:
        return Night(False, "the run report cannot be read")
    if age < -_AHEAD:
        return Night(False, "the run report is from the future: set this machine's clock, and run the night again")
    state = told.state
    since = f"{age / 3600:.1f} hours ago"
    if state == State.RUNNING and not is_running(out):
        return Night(False, f"the run that began {since} was cut off: run its command again, it carries on")
    if state == State.INTERRUPTED:
        return Night(False, f"the last run was interrupted {since}: run its command again, it carries on")
    if age > max_age:
        what = "the run that goes on began" if state == State.RUNNING else "the last run ended"
        return Night(False, f"{what} {since}, more than {max_age / 3600:g} hours")
    return Night(True, f"a run goes on, it began {since}" if state == State.RUNNING else f"the last run ended {since}")


def written_since(report: Path, monotonic_microseconds: int) -> bool:
    """Whether a report was written after a moment of the system's monotonic clock, which systemd counts in."""
    began = time.time() - (time.monotonic() - monotonic_microseconds / 1e6)
    try:
        return report.stat().st_mtime >= began - 1
    except OSError:
        return False
