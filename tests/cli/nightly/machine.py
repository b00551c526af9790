"""A machine of its own for `xscan schedule`. systemctl is a script that writes down what it is asked."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ...conftest import Xscan

linux = pytest.mark.skipif(sys.platform != "linux", reason="systemd and cron")


SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$ASKED"
case "$*" in
*Version*) echo "Version=252" ;;
*NextElapse*) echo "NextElapseUSecRealtime=Tue 2026-11-24 02:00:00 UTC" ;;
*ExecMainCode*) printf "$STATE" ;;
*ActiveState*) printf 'ActiveState=failed\\nExecMainStatus=3\\nExecMainExitTimestamp=Mon 02:10\\n' ;;
esac
case "$*" in *"$REFUSE"*) echo "Access denied" >&2; exit 1 ;; esac
"""


class Machine:
    """A machine of its own: home, PATH, a current folder with films whose names are hard to quote."""

    def __init__(self, xscan: Xscan, folder: Path, *, systemd: bool) -> None:
        self.xscan = xscan
        self.here = folder
        self.films = folder / 'fílms 100% "it\'s" $HOME\\n;'
        self.films.mkdir()
        self.home = folder / "home"
        self.units = self.home / "systemd" / "user"
        self.asked_file = folder / "asked"
        programs = folder / "bin"
        programs.mkdir()
        for name in ("systemctl", "loginctl", "crontab"):
            program = programs / name
            program.write_text(SYSTEMCTL if systemd else "#!/bin/sh\nexit 1\n")
            program.chmod(0o755)
        self.env = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(self.home),
        }
        self.env |= {"HOME": str(self.home), "ASKED": str(self.asked_file), "REFUSE": "nothing", "STATE": ""}

    def __call__(self, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
        return self.xscan("schedule", *args, cwd=self.here, env=self.env | env)

    def install(self, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
        return self("install", *args, "--", "batch", self.films.name, "--out", "list.csv", "--max-failures=2%", **env)

    def unit(self, suffix: str) -> str:
        return (self.units / f"xscan-nightly{suffix}").read_text(encoding="utf-8")

    @property
    def asked(self) -> list[str]:
        return self.asked_file.read_text().splitlines() if self.asked_file.exists() else []


def exec_start(unit: str) -> list[str]:
    """A unit's command as systemd reads it: every word is in double quotes here."""
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    first, *rest = shlex.split(line.removeprefix("ExecStart="))
    return [word.replace("%%", "%") for word in (first, *(word.replace("$$", "$") for word in rest))]
