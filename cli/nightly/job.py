"""What a nightly job looks like to systemd, cron and Windows: texts only, nothing is run here."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field

from xscan.engine.errors import UsageError

CHECK_HOURS = 6  #: so long after its start, a night is looked at
MAX_AGE = "26h"  #: a day, and two hours for a night that was longer than the one before


@dataclass(frozen=True)
class NightlyJob:
    """A nightly job; all paths in it are absolute."""

    name: str
    at: str  #: HH:MM
    out: str  #: the triage list
    batch: list[str]  #: `batch` and what follows, without --notify
    notify: list[str] = field(default_factory=list)
    config: str = ""
    user: str = ""  #: whom the machine's systemd runs it as; empty: the systemd of the user who installs it
    folders: list[str] = field(default_factory=list)  #: that it writes in
    shown: list[str] = field(default_factory=list)  #: of them, those of lists and pages

    @property
    def families(self) -> str:
        """Kinds of sockets that it opens: a batch asks nobody, a fetch its PACS."""
        return "AF_INET AF_INET6 AF_UNIX" if self.batch[0] == "fetch" else "AF_UNIX"

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
        line += ["--system"] if self.user else []
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


def later(at: str) -> str:
    """The time of day when a night that began at `at` is looked at."""
    return f"{(int(at[:2]) + CHECK_HOURS) % 24:02}:{at[3:]}"


def checked_name(name: str) -> str:
    """A job's name. Raises UsageError for one that could lead out of a folder of units."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UsageError(f"cannot use --name {name}: write letters, digits, - and _")
    return name
