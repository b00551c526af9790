"""`xscan pacs`: is the way to a PACS open?"""

from typing import Annotated

import typer

from ..settings.pacs import destination
from ..terminal.console import Console
from ..terminal.options import Json, Quiet

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Test the way to a PACS.")


@app.callback()
def pacs() -> None:
    """A group, though it has one command: `xscan pacs test NAME`."""


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
