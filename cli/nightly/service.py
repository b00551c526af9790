"""`xscan listen` as a service of the machine: systemd's unit, hardened, and Windows' task. Texts only."""

import os
import subprocess
from dataclasses import dataclass
from typing import Any

from xscan.engine.errors import UsageError

from ..settings.file import current, table
from ..settings.state import state as history_folder
from .batch_job import words_of
from .hardened import by_system, mounts_for
from .job import xscan
from .systemd import systemd_line


@dataclass(frozen=True)
class ListenService:
    """A listener that starts with the machine; all paths in it are absolute."""

    listen: list[str]  #: `listen` and what follows
    folders: list[str]  #: that it writes in
    port: int
    config: str = ""

    @property
    def command(self) -> list[str]:
        return [*xscan(), *([f"--config={self.config}"] if self.config else []), *self.listen]


def listen_service(root: Any, command: list[str]) -> ListenService:
    """A service from a command line, taken apart by the listen command's own parser but not run. Raises UsageError."""
    if command[0] != "listen":
        raise UsageError(f"cannot make a service of {command[0]}: put a listen behind --, such as -- listen --from AET")
    listen = root.command.commands["listen"]
    ctx = listen.make_context("listen", list(command[1:]), parent=root)
    with ctx:
        given = ctx.params
        store = os.path.abspath(given["store"])
        state = os.path.abspath(given["state"] or f"{store}.state")
        out, log = os.path.abspath(given["out"]), given["log_file"] and os.path.abspath(given["log_file"])
        folders = sorted({os.path.dirname(path) for path in (store, state, out, log) if path})
        history = [str(history_folder().absolute())] if table("nights").get("state") else []
        for folder in folders:
            if not os.path.isdir(folder):
                raise UsageError(f"the folder {folder} does not exist: make it, for the service's user to write in")
        line = [word for param in listen.params for word in words_of(ctx, param) if param.name not in ("store", "out")]
        line += [f"--store={store}", f"--out={out}"]
        return ListenService(["listen", *line], [*folders, *history], given["port"], str(current().file or ""))


def unit(service: ListenService, user: str) -> str:
    """The unit file of a service of the system, run as `user`."""
    hardened = by_system(service.folders, "AF_INET AF_INET6 AF_UNIX", low_port=service.port < 1024)
    return (
        "[Unit]\nDescription=xscan: radiographs from the PACS, scored as they come\n"
        f"Wants=network-online.target\nAfter=network-online.target\n{mounts_for(service.folders)}\n"
        f"[Service]\nType=exec\nUser={user}\nExecStart={systemd_line(service.command)}\n"
        # mixed: the listener is asked to end and ends its processes itself, so that films in hand are kept
        "Restart=on-failure\nRestartSec=5\nKillMode=mixed\nTimeoutStopSec=60\nOOMPolicy=continue\n"
        f"{hardened}\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )


def windows_service(service: ListenService) -> str:
    """A task for `schtasks /create /xml` that starts with the machine, and again where it failed."""
    from xml.sax.saxutils import escape

    program, *rest = service.command
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers><BootTrigger /></Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
  </Settings>
  <Actions>
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(rest))}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def this_user() -> str:
    """Who runs this command; raises UsageError for root, whom no service of ours needs."""
    import getpass

    return no_root(os.environ.get("SUDO_USER") or getpass.getuser())


def no_root(name: str) -> str:
    """The name of a user. Raises UsageError for root."""
    if name == "root":
        raise UsageError("a service needs no root: make a user for it, and name it with --user")
    return name
