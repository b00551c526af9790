"""`xscan monitor`: is anything out of its limits?"""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..settings.state import state
from ..terminal.console import Console
from ..terminal.options import Json, Quiet


def monitor(
    out: Annotated[Path | None, typer.Option(help="Watch this list alone, named as for batch.")] = None,
    max_drift: Annotated[float, typer.Option(min=0, help="Stability index from which on it is an alarm.")] = 0.25,
    max_failures: Annotated[float, typer.Option(min=0, max=1, help="Share of a night's films that may fail.")] = 0.05,
    max_doubtful: Annotated[
        float, typer.Option(min=0, max=1, help="How much more films than usual may be doubtful.")
    ] = 0.2,
    max_age: Annotated[str, typer.Option(help="How old the last night may be: 26h, 90m, 2d.")] = "26h",
    min_disk: Annotated[float, typer.Option(min=0, help="GB that are to be free.")] = 2,
    network_reference: Annotated[
        bool, typer.Option("--network-reference", help="Drift from the network's own films, not from earlier nights.")
    ] = False,
    prometheus: Annotated[Path | None, typer.Option(help="Write the figures for Prometheus here, too: *.prom.")] = None,
    json_lines: Annotated[Path | None, typer.Option(help="Append one line of JSON to this file.")] = None,
    notify: Annotated[
        str, typer.Option(metavar="CMD", help="Run this if anything is out of its limits; see docs/monitor.md.")
    ] = "",
    notify_always: Annotated[bool, typer.Option("--notify-always", help="Run it also where all is well.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say whether anything of the last night is out of its limits: exit code 3 if so.

    Missed nights, failed and doubtful films, drift of scores and of films, room on the disk; by the history.
    Limits go into xscan.toml, table [monitor].
    """
    from xscan.engine.disk.overwrite import made_here
    from xscan.engine.lists.run_report import report_of
    from xscan.engine.nights.dated import last
    from xscan.engine.nights.history import list_key
    from xscan.engine.nights.json_lines import append
    from xscan.engine.nights.look_back import has_history
    from xscan.engine.nights.prometheus import write_textfile
    from xscan.engine.nights.state import keyed
    from xscan.engine.nights.watch import Alarm, Limits, as_dict, disk, watch

    from ..nightly.night import parse_age
    from ..notify import tell, words

    console = Console(quiet, json=json)
    command = words(notify) if notify else []
    limits = Limits(max_drift, max_failures, max_doubtful, parse_age(max_age), min_disk * 1e9)
    folder = state()
    found, alarms = [], []
    places = [folder] if folder.is_dir() else []
    if has_history(folder):
        key = list_key(keyed(folder), out) if out is not None else ""
        found = watch(folder, limits, list_key=key, network_reference=network_reference)
    if not found:
        which = "the list that --out names (is it written as for batch, {date} included?)" if out else "any list"
        alarms.append(Alarm("missed", 0, limits.age, f"the history knows of no night of {which}"))
    if out is not None:
        places.append(last(out).parent.absolute())
    alarms += disk(places, limits)
    data = as_dict(found, alarms)
    if prometheus is not None:
        free = {str(place): float(shutil.disk_usage(place).free) for place in places if place.is_dir()}
        write_textfile(prometheus, found, alarms, free)
    if json_lines is not None:
        append(json_lines, data, made_here("monitor's file", b'{"time"'))
    messages = [
        *(f"list {w.list}, {w.night}: {a.message}" for w in found for a in w.alarms),
        *(a.message for a in alarms),
    ]
    if json:
        console.result(data, "")
    for watched in found:
        for note in watched.notes if not json else ():
            console.say(f"list {watched.list}, {watched.night}: {note}")
    for message in messages:
        console.warn(message)
    if not messages and not json:
        console.say("all is well")
    if command and (messages or notify_always):
        tell(
            command,
            report_of(last(out)) if out is not None else None,
            3 if messages else 0,
            "\n".join(messages) or "all is well",
        )
    if messages:
        raise typer.Exit(3)
