"""`xscan schedule`: a nightly job in one command."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..nightly import systemd
from ..nightly.cron_and_windows import crontab, windows_task
from ..nightly.job import NightlyJob, check_text, checked_name, parse_time, xscan
from ..nightly.systemd import has_systemd, job_of, unit_names
from ..terminal.console import Console
from ..terminal.options import Json, Quiet

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Run a batch every night.")

Name = Annotated[str, typer.Option(help="Name of the job, where there are several.")]
Notify = Annotated[str, typer.Option(metavar="CMD", help="Run this when a night ends badly or not at all.")]


@app.command(short_help="Run a batch every night.", context_settings={"allow_interspersed_args": False})
def install(
    ctx: typer.Context,
    command: Annotated[
        list[str], typer.Argument(help="The nightly command: -- batch FOLDER --out LIST ..., or a fetch that scans.")
    ],
    at: Annotated[str, typer.Option(help="Time of day.")] = "02:00",
    notify: Notify = "",
    name: Name = "nightly",
    user: Annotated[
        str, typer.Option(metavar="NAME", help="As root: the machine's own systemd runs it, hardened, as this user.")
    ] = "",
    group: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A group that may read lists, too; a terminal is asked."),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run a batch every night: xscan schedule install --at 02:00 -- batch FOLDER --out LIST.

    Where systemd answers, a timer is installed in place of an earlier one of that name. Elsewhere the lines for
    cron, or the command for Windows, are printed and the exit code is 4: nothing is installed yet. The command is
    checked now, so that a slip is not found at night. For films from a PACS: -- fetch FOLDER --from NAME --scan ...
    """
    from ..nightly.batch_job import nightly_job

    console = Console(quiet, json=json)
    manager = _of_the_machine(user) if user else systemd.own()
    job = nightly_job(ctx.find_root(), command, checked_name(name), parse_time(at), notify, user)
    check_text([*job.command(notify=True), job.out])
    if user or has_systemd():
        systemd.require_own(manager, name)  # before a group is let in
    _let_read(job, group, console)
    if user or has_systemd():
        systemd.install(job, manager, console)
        data = {"scheduler": "systemd", "name": name, "at": job.at, "installed": True, "next": manager.next(name)}
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
    checked_name(name)
    if not (has_systemd() or systemd.of(name)):
        if os.name == "nt":
            _windows_file(name).unlink(missing_ok=True)
            line = f"schtasks /delete /f /tn xscan-{name}"
            console.say("run this:")
        else:
            line = f"# xscan {name}"
            console.say("remove the lines below this one with `crontab -e`:")
        console.result({}, line)
        return
    manager = systemd.of(name)
    if manager is None:
        raise UsageError(f"no job named {name}: see `xscan schedule show`")
    systemd.require_own(manager, name)
    found = [file for file in unit_names(name) if (manager.folder / file).exists()]
    for timer in (file for file in found if file.endswith(".timer")):
        manager.ctl("disable", "--now", timer)
    try:
        for file in found:
            (manager.folder / file).unlink()
    except OSError:
        raise UsageError(f"cannot remove from {manager.folder}: run it as root") from None
    manager.ctl("daemon-reload")
    console.say(f"removed {name}")


@app.command(short_help="Say which jobs are installed, and when they run.")
def show(json: Json = False) -> None:
    """Say which jobs are installed, when each runs next, and how its last night ended."""
    console = Console(json=json)
    installed = [(manager, job) for manager in systemd.both() for job in manager.jobs()]
    if not (has_systemd() or installed):
        line = ["schtasks", "/query", "/fo", "list"] if os.name == "nt" else ["crontab", "-l"]
        mark = "xscan-" if os.name == "nt" else "xscan.cli"
        lines = [text for text in systemd.output(line).splitlines() if mark in text]
        console.result({"jobs": lines}, "\n".join(lines) or "nothing is scheduled")
        return
    data = [
        {"name": job.name, "at": job.at, "next": manager.next(job.name), "last": manager.last(job.name)}
        | {"out": job.out, "command": job.batch, "notify": job.notify, "config": job.config, "user": job.user}
        for manager, job in installed
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
        manager = systemd.of(name)
        job = job_of(manager.folder / unit_names(name)[0]) if manager else None
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
def failed(
    name: Name,
    out: Annotated[Path, typer.Option()],
    notify: Notify,
    system: Annotated[bool, typer.Option("--system")] = False,
) -> None:
    """What systemd runs after a night that ended badly (OnFailure=)."""
    from xscan.engine.lists.run_report import report_of
    from xscan.engine.nights.dated import last

    from ..nightly.night import written_since
    from ..notify import tell, words

    asked = ("ExecMainCode", "ExecMainStatus", "ExecMainStartTimestampMonotonic")
    state = (systemd.SYSTEM if system else systemd.own()).properties(f"xscan-{name}.service", *asked)
    status = int(state.get("ExecMainStatus") or 0)
    code = status if state.get("ExecMainCode") == "1" else 128 + status  # 1: it exited; else a signal ended it
    began = int(state.get("ExecMainStartTimestampMonotonic") or 0)
    report = report_of(last(out))
    tell(words(notify), report if written_since(report, began) else None, code or 1)


# ---- systemd -----------------------------------------------------------------------------------------------


def _of_the_machine(user: str) -> systemd.Systemd:
    """The machine's own systemd, for a job of this user. Raises UsageError."""
    from xscan.engine.errors import UsageError

    from ..nightly.service import no_root

    try:
        import pwd
    except ImportError:
        raise UsageError("--user is for systemd: schtasks has /ru for it") from None
    try:
        pwd.getpwnam(no_root(user))
    except KeyError:
        raise UsageError(f"there is no user {user}: make one, such as `useradd --system {user}`") from None
    if not systemd.SYSTEM.answers:
        raise UsageError("systemd does not answer here: leave --user out for cron's lines")
    if os.geteuid() != 0:
        raise UsageError("--user puts a job into the machine's own systemd: run it as root")
    try:  # an installation in /root is none for anyone else: found out now, not at night
        asked = subprocess.run([*xscan(), "-V"], user=user, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        asked = None
    if asked is None or asked.returncode != 0:
        raise UsageError(f"{user} cannot run {sys.executable}: install xscan where that user may read, such as in /opt")
    return systemd.SYSTEM


def _let_read(job: NightlyJob, group: str | None, console: Console) -> None:
    """Give the lists their readers, if there are to be any: asked for at a terminal, unless their folder has some."""
    from xscan.engine.lists.own_files import own_files

    from ..nightly.readers import have_readers, let_read

    folders = [Path(folder) for folder in job.shown]
    asks = not (console.quiet or console.json) and sys.stdin is not None and sys.stdin.isatty()
    if group is None and asks and os.name != "nt" and not all(map(have_readers, folders)):
        question = f"Lists and pages in {job.shown[0]} are for you alone. A group that may read them, too (empty: none)"
        group = typer.prompt(question, default="", show_default=False, err=True).strip()
    if group:
        let_read(group, folders, own_files(Path(job.out)))


def _text(job: dict[str, Any]) -> str:
    from ..nightly.job import join

    whose = f", as {job['user']}" if job["user"] else ""
    lines = [f"{job['name']}: every night at {job['at']}{whose}"]
    lines += [f"  next:    {job['next'] or 'never: install it again'}"]
    lines += [f"  last:    {job['last'] or 'not since this machine started'}", f"  command: {join(job['command'])}"]
    lines += [f"  notify:  {join(job['notify'])}"] if job["notify"] else []
    lines += [f"  config:  {job['config']}"] if job["config"] else []
    return "\n".join(lines)


def _windows_file(name: str) -> Path:
    from ..settings.file import user_folder

    return user_folder() / f"{name}.xml"
