"""`xscan pacs`: is the way to a PACS open, and what is kept of it."""

from pathlib import Path
from typing import Annotated

import typer

from ..settings.pacs import destination, state_folder
from ..terminal.console import Console
from ..terminal.options import Json, Quiet

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Test the way to a PACS, and forget old things.")


@app.callback()
def pacs() -> None:
    """xscan pacs test NAME, xscan pacs prune."""


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
