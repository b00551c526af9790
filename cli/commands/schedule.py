"""`xscan schedule`: a nightly job in one command."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ..nightly.cron_and_windows import crontab, windows_task
from ..nightly.job import _checked_name, check_text, parse_time
from ..nightly.systemd import (
    _install_units,
    _installed,
    _last,
    _next,
    _output,
    _properties,
    _systemctl,
    has_systemd,
    job_of,
    unit_folder,
    unit_names,
)
from ..terminal.console import Console
from ..terminal.options import Json, Quiet

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run a batch every night.")

Name = Annotated[str, typer.Option(help="Name of the job, where there are several.")]
Notify = Annotated[str, typer.Option(metavar="CMD", help="Run this when a night ends badly or not at all.")]


@app.command(short_help="Run a batch every night.", context_settings={"allow_interspersed_args": False})
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
    cron, or the command for Windows, are printed and the exit code is 4: nothing is installed yet. The batch is
    checked now, so that a slip is not found at night.
    """
    from ..nightly.batch_job import nightly_job

    console = Console(quiet, json=json)
    job = nightly_job(ctx.find_root(), command, _checked_name(name), parse_time(at), notify)
    check_text([*job.command(notify=True), job.out])
    if has_systemd():
        _install_units(job, console)
        data = {"scheduler": "systemd", "name": name, "at": job.at, "installed": True, "next": _next(name)}
        if json:
            console.result(data, "")
        else:
            console.say(f"installed {name}: every night at {job.at}")
        return
    if os.name == "nt":
        file = _windows_file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(windows_task(job), encoding="utf-16")
        line = f'schtasks /create /f /tn xscan-{name} /xml "{file}" /ru "%USERNAME%" /rp *'
        console.say(
            "not installed yet: run this; it asks for your password, so that the job runs while nobody is logged in:"
        )
        data = {"scheduler": "windows", "name": name, "at": job.at, "installed": False, "command": line}
        console.result(data, line)
    else:
        lines = crontab(job)
        console.say(
            "not installed yet, for systemd does not answer here: "
            "add these lines with `crontab -e`, in place of earlier ones:"
        )
        data = {"scheduler": "cron", "name": name, "at": job.at, "installed": False, "lines": lines.split("\n")}
        console.result(data, lines)
    raise typer.Exit(4)


@app.command(
    short_help="Print the unit that runs xscan listen as a service.",
    context_settings={"allow_interspersed_args": False},
)
def service(
    ctx: typer.Context,
    command: Annotated[list[str], typer.Argument(help="The command: -- listen --from AET --store FOLDER ...")],
    user: Annotated[str, typer.Option(help="Whom the service runs as. Default: who runs this command.")] = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Print what runs xscan listen as a service; its command stands behind --, and is checked now.

    On Linux a hardened unit of systemd, on Windows a task. Nothing is installed: how is printed, too.
    """
    from ..nightly.service import listen_service, this_user, unit, windows_service

    console = Console(quiet, json=json)
    made = listen_service(ctx.find_root(), command)
    check_text([*made.command, *made.folders, user])
    if os.name == "nt":
        text, how = (
            windows_service(made),
            'save it as listen.xml, then run: schtasks /create /tn xscan-listen /xml "listen.xml" /ru USER /rp *',
        )
    else:
        text = unit(made, user or this_user())
        how = "save it as /etc/systemd/system/xscan-listen.service, then run: systemctl enable --now xscan-listen"
    console.say(how)
    console.result({"unit": text, "how": how}, text.rstrip("\n"))


@app.command(short_help="Take a nightly job away.")
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


@app.command(short_help="Say which jobs are installed, and when they run.")
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


@app.command(short_help="Say whether the last night has been.")
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
    from xscan.engine.nights.dated import last

    from ..nightly.night import look, parse_age
    from ..notify import tell, words

    console = Console(quiet, json=json)
    limit = parse_age(max_age)
    command = words(notify) if notify else []
    if out is None:
        job = _installed(name)
        if job is None:
            raise UsageError(f"no job named {name}: name its list with --out")
        out, command = Path(job.out), command or job.notify
    out = last(out)
    night = look(out, limit)
    data = {"well": night.well, "message": night.message, "report": str(report_of(out))}
    if json:
        console.result(data, "")
    elif night.well:
        console.say(night.message)
    else:
        console.warn(night.message)
    if not night.well:
        if command:
            tell(command, report_of(out), 3)
        raise typer.Exit(3)


@app.command(hidden=True)
def failed(name: Name, out: Annotated[Path, typer.Option()], notify: Notify) -> None:
    """What systemd runs after a night that ended badly (OnFailure=)."""
    from xscan.engine.lists.run_report import report_of
    from xscan.engine.nights.dated import last

    from ..nightly.night import written_since
    from ..notify import tell, words

    state = _properties(f"xscan-{name}.service", "ExecMainCode", "ExecMainStatus", "ExecMainStartTimestampMonotonic")
    status = int(state.get("ExecMainStatus") or 0)
    code = status if state.get("ExecMainCode") == "1" else 128 + status  # 1: it exited; else a signal ended it
    began = int(state.get("ExecMainStartTimestampMonotonic") or 0)
    report = report_of(last(out))
    tell(words(notify), report if written_since(report, began) else None, code or 1)


# ---- systemd -----------------------------------------------------------------------------------------------


def _text(job: dict[str, Any]) -> str:
    from ..nightly.job import join

    lines = [f"{job['name']}: every night at {job['at']}", f"  next:    {job['next'] or 'never: install it again'}"]
    lines += [f"  last:    {job['last'] or 'not since this machine started'}", f"  command: {join(job['command'])}"]
    lines += [f"  notify:  {join(job['notify'])}"] if job["notify"] else []
    lines += [f"  config:  {job['config']}"] if job["config"] else []
    return "\n".join(lines)


def _windows_file(name: str) -> Path:
    from ..settings.file import user_folder

    return user_folder() / f"{name}.xml"
