"""`xscan schedule`: a nightly job in one command."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .common import Console, Json, Quiet
from .timers import Job, check_text, crontab, job_of, parse_time, unit_names, units, windows_task

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run a batch every night.")

Name = Annotated[str, typer.Option(help="Name of the job, where there are several.")]
Notify = Annotated[str, typer.Option(metavar="CMD", help="Run this when a night ends badly or not at all.")]


@app.command(context_settings={"allow_interspersed_args": False})
def install(
    ctx: typer.Context,
    command: Annotated[list[str], typer.Argument(help="The nightly command: -- batch FOLDER --out LIST ...")],
    at: Annotated[str, typer.Option(help="Time of day.")] = "02:00",
    notify: Notify = "",
    name: Name = "nightly",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run a batch every night: xscan schedule install --at 02:00 -- batch FOLDER --out LIST.

    Where systemd answers, a timer is installed in place of an earlier one of that name. Elsewhere the lines for
    cron, or the command for Windows, are printed. The batch is checked now, so that a slip is not found at night.
    """
    from .schedule_batch import nightly_job

    console = Console(quiet, json=json)
    job = nightly_job(ctx.find_root(), command, _checked_name(name), parse_time(at), notify)
    check_text([*job.command(notify=True), job.out])
    if has_systemd():
        _install_units(job, console)
        data = {"scheduler": "systemd", "name": name, "at": job.at, "next": _next(name)}
        console.result(data, "") if json else console.say(f"installed {name}: every night at {job.at}")
    elif os.name == "nt":
        file = _windows_file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(windows_task(job), encoding="utf-16")
        line = f'schtasks /create /f /tn xscan-{name} /xml "{file}" /ru "%USERNAME%" /rp *'
        console.say("run this; it asks for your password, so that the job runs while nobody is logged in:")
        console.result({"scheduler": "windows", "name": name, "at": job.at, "command": line}, line)
    else:
        lines = crontab(job)
        console.say("systemd does not answer here; add these lines with `crontab -e`, in place of earlier ones:")
        console.result({"scheduler": "cron", "name": name, "at": job.at, "lines": lines.split("\n")}, lines)


@app.command()
def remove(name: Name = "nightly", quiet: Quiet = False) -> None:
    """Take a nightly job away. A run that goes on is not ended."""
    from xscan.engine.errors import UsageError

    console = Console(quiet)
    _checked_name(name)
    if not has_systemd():
        if os.name == "nt":
            _windows_file(name).unlink(missing_ok=True)
            line = f"schtasks /delete /f /tn xscan-{name}"
            console.say("run this:")
        else:
            line = f"# xscan {name}"
            console.say("remove the lines below this one with `crontab -e`:")
        console.result({}, line)
        return
    found = [file for file in unit_names(name) if (unit_folder() / file).exists()]
    if not found:
        raise UsageError(f"no job named {name}: see `xscan schedule show`")
    for timer in (file for file in found if file.endswith(".timer")):
        _systemctl("disable", "--now", timer)
    for file in found:
        (unit_folder() / file).unlink()
    _systemctl("daemon-reload")
    console.say(f"removed {name}")


@app.command()
def show(json: Json = False) -> None:
    """Say which jobs are installed, when each runs next, and how its last night ended."""
    console = Console(json=json)
    if not has_systemd():
        line = ["schtasks", "/query", "/fo", "list"] if os.name == "nt" else ["crontab", "-l"]
        mark = "xscan-" if os.name == "nt" else "xscan.cli"
        lines = [text for text in _output(line).splitlines() if mark in text]
        console.result({"jobs": lines}, "\n".join(lines) or "nothing is scheduled")
        return
    files = sorted(unit_folder().glob("xscan-*.service"))
    jobs = [job for file in files if (job := job_of(file.read_text(encoding="utf-8"))) is not None]
    data = [
        {"name": job.name, "at": job.at, "next": _next(job.name), "last": _last(job.name), "out": job.out}
        | {"command": job.batch, "notify": job.notify, "config": job.config}
        for job in jobs
    ]
    console.result({"jobs": data}, "\n".join(map(_text, data)) or "nothing is scheduled")


@app.command()
def check(
    out: Annotated[Path | None, typer.Option(help="The triage list. Default: that of the job.")] = None,
    max_age: Annotated[str, typer.Option(help="How old the last night may be: 26h, 90m, 2d.")] = "26h",
    notify: Notify = "",
    name: Name = "nightly",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say whether the last night has been: exit code 3 if it was cut off, is too long ago or never was."""
    from xscan.engine.errors import UsageError
    from xscan.engine.lists.run_report import report_of

    from .night import look, parse_age
    from .notify import tell, words

    console = Console(quiet, json=json)
    limit = parse_age(max_age)
    command = words(notify) if notify else []
    if out is None:
        job = _installed(name)
        if job is None:
            raise UsageError(f"no job named {name}: name its list with --out")
        out, command = Path(job.out), command or job.notify
    night = look(out, limit)
    data = {"well": night.well, "message": night.message, "report": str(report_of(out))}
    console.result(data, "") if json else console.say(night.message) if night.well else console.warn(night.message)
    if not night.well:
        if command:
            tell(command, report_of(out), 3)
        raise typer.Exit(3)


@app.command(hidden=True)
def failed(name: Name, out: Annotated[Path, typer.Option()], notify: Notify) -> None:
    """What systemd runs after a night that ended badly (OnFailure=)."""
    from xscan.engine.lists.run_report import report_of

    from .night import written_since
    from .notify import tell, words

    state = _properties(f"xscan-{name}.service", "ExecMainCode", "ExecMainStatus", "ExecMainStartTimestampMonotonic")
    status = int(state.get("ExecMainStatus") or 0)
    code = status if state.get("ExecMainCode") == "1" else 128 + status  # 1: it exited; else a signal ended it
    began = int(state.get("ExecMainStartTimestampMonotonic") or 0)
    report = report_of(out)
    tell(words(notify), report if written_since(report, began) else None, code or 1)


# ---- systemd -----------------------------------------------------------------------------------------------


def has_systemd() -> bool:
    """Whether this user's systemd answers."""
    return sys.platform == "linux" and bool(_output(["systemctl", "--user", "show", "--property=Version"]))


def unit_folder() -> Path:
    xdg = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(xdg) if os.path.isabs(xdg) else Path.home() / ".config") / "systemd" / "user"


def _install_units(job: Job, console: Console) -> None:
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


def _installed(name: str) -> Job | None:
    file = unit_folder() / unit_names(_checked_name(name))[0]
    return job_of(file.read_text(encoding="utf-8")) if file.is_file() else None


def _text(job: dict[str, Any]) -> str:
    from .timers import join

    lines = [f"{job['name']}: every night at {job['at']}", f"  next:    {job['next'] or 'never: install it again'}"]
    lines += [f"  last:    {job['last'] or 'not since this machine started'}", f"  command: {join(job['command'])}"]
    lines += [f"  notify:  {join(job['notify'])}"] if job["notify"] else []
    lines += [f"  config:  {job['config']}"] if job["config"] else []
    return "\n".join(lines)


def _windows_file(name: str) -> Path:
    from .config import user_folder

    return user_folder() / f"{name}.xml"


def _checked_name(name: str) -> str:
    from xscan.engine.errors import UsageError

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UsageError(f"cannot use --name {name}: write letters, digits, - and _")
    return name
