"""`xscan pacs`: is the way to a PACS open, what became of results, and what is kept of it."""

from pathlib import Path
from typing import Annotated

import typer

from ..settings.pacs import destination, state_folder
from ..terminal.console import Console
from ..terminal.options import Json, Quiet

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Test the way to a PACS, see what waits for it, and forget old things.",
)


@app.callback()
def pacs() -> None:
    """xscan pacs test NAME, xscan pacs outbox, xscan pacs prune."""


@app.command("test", short_help="Say what works between this machine and a PACS.")
def look(
    name: Annotated[str, typer.Argument(help="The PACS: [pacs.NAME] in xscan.toml.")],
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say what works between this machine and a PACS, a line each, with what mends it. Nothing is stored there.

    Exit codes: 0 all works; 3 something does not.
    """
    from xscan.engine.machine.install import require

    console = Console(quiet=quiet, json=json)
    to = destination(name)
    require(*(["pynetdicom"] if to.dimse else []), *(["dicomweb_client"] if to.url else []))
    to.credentials()  # a file of secrets that others may read is said first

    from xscan.engine.pacs.checks import checks

    found = []
    for check in checks(to):
        found.append(check)
        if not json:
            console.result({}, f"{'ok ' if check.well else 'NO '} {check.name:<14}{check.text}")
    well = all(check.well for check in found)
    if json:
        rows = [{"check": check.name, "well": check.well, "text": check.text} for check in found]
        console.result({"pacs": name, "well": well, "checks": rows}, "")
    if not well:
        raise typer.Exit(3)


@app.command(short_help="Say what became of each result for a PACS.")
def outbox(
    name: Annotated[str, typer.Argument(help="The PACS. Without one: every PACS.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also what was sent, or superseded.")] = False,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the outbox; of a listener its own --state. Default: as of send.")
    ] = None,
    json: Json = False,
) -> None:
    """Say of each object that waits or had failed: PACS, state, kind, code, tries, its film's SOP Instance UID.

    The codes are explained in docs/pacs.md. Nothing is sent, and nothing is changed.
    """
    from datetime import UTC, datetime

    from xscan.engine.errors import UsageError
    from xscan.engine.pacs import outbox as module
    from xscan.engine.pacs.outbox import State

    from ..terminal.batch_summary import plural

    console = Console(json=json)
    place = state_folder(state)
    if not (place / module.FILE).is_file():
        raise UsageError(f"nothing was sent from {place} yet: of a listener give its --state")
    with module.Outbox(place) as box:
        found = box.statuses(name, everything)
        known = box.destinations()
        counts = {to: box.counts(to) for to in known if name in ("", to)}
    if name and not counts:
        raise UsageError(f"nothing for {name} in {place}: there is {', '.join(known) or 'nothing'}")
    if json:
        rows = [{key: value for key, value in vars(one).items() if key != "due"} for one in found]
        console.result({"counts": counts, "objects": rows}, "")
        return
    for one in found:
        at = datetime.fromtimestamp(one.due, UTC).astimezone()
        due = f", next at {at:%Y-%m-%d %H:%M}" if one.state is State.WAITING else ""
        about = f"{one.destination}  {one.state:<8} {one.kind}  {one.code or '-':<10} "
        console.result({}, f"{about}{plural(one.tries, 'try', 'tries')}{due}  {one.sop_uid}")
    if not counts:
        console.say("nothing was sent from here yet, and nothing waits")
    for to, numbers in counts.items():
        console.say(f"{to}: " + ", ".join(f"{number} {what}" for what, number in sorted(numbers.items())))


@app.command(short_help="Forget what was sent and fetched long ago.")
def prune(
    older_than: Annotated[str, typer.Option(help="Age from which on it goes: 400d.")],
    state: Annotated[
        Path | None, typer.Option(help="Folder of the outbox. Default: pacs, in the folder of state.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Forget what was sent, or had failed, and which films were fetched, longer ago than this. No film is removed.

    What waits to be sent stays. What is forgotten is sent, or fetched, again where a list or a window names it still.
    """
    import time

    from xscan.engine.pacs import outbox, seen

    from ..nightly.night import parse_age

    console = Console(quiet=quiet, json=json)
    place, before = state_folder(state), time.time() - parse_age(older_than, "--older-than")
    sent = fetched = 0
    if (place / outbox.FILE).is_file():  # nothing is made that is not there
        with outbox.Outbox(place) as box:
            sent = box.prune(before)
    if (place / seen.FILE).is_file():
        with seen.Seen(place) as known:
            fetched = known.prune(before)
    console.result(
        {"sent": sent, "fetched": fetched}, f"forgotten: {sent} objects sent or failed, {fetched} films fetched"
    )
