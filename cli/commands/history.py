"""`xscan history`: what earlier runs did."""

from pathlib import Path
from typing import Annotated

import typer

from ..settings.state import state
from ..terminal.choices import Language
from ..terminal.console import Console
from ..terminal.options import Json, Quiet

app = typer.Typer(rich_markup_mode=None, help="What earlier nights did.")


@app.callback(invoke_without_command=True)
def history(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Runs of this list alone, named as for batch.")] = None,
    nights: Annotated[int, typer.Option(min=1, help="How many days to look back.")] = 30,
    page: Annotated[Path | None, typer.Option(help="Make a page with plots here, too.")] = None,
    lang: Annotated[Language, typer.Option(help="Language of the page.")] = Language.en,
    json: Json = False,
) -> None:
    """Show what earlier runs did: films, bands, failures, drift and time by night; no names and no paths.

    The history is this machine's own and stands in its state folder, or where xscan.toml says ([nights] state).
    """
    if ctx.invoked_subcommand is not None:
        return
    from datetime import timedelta

    from xscan.engine.nights import clock
    from xscan.engine.nights.history import list_key
    from xscan.engine.nights.history_page import write_page
    from xscan.engine.nights.look_back import NIGHTS, as_text, has_history, runs
    from xscan.engine.nights.state import keyed

    folder = state()
    since = clock.local_day(clock.now() - timedelta(days=nights - 1))
    key = list_key(keyed(folder), out) if out is not None and has_history(folder) else ""
    earlier = clock.local_day(clock.now() - timedelta(days=nights - 1 + NIGHTS))  # the page's drift is held against it
    known = runs(folder, list_key=key, since=since if page is None else earlier)
    found = [run for run in known if run.night >= since]
    if page is not None:
        write_page(known, page, lang.value, since)
    none = "no runs of this list in these days: is it written as for batch, {date} included?"
    text = none if out is not None and not found else as_text(found)
    console = Console(json=json)
    console.result({"runs": [run.as_dict() for run in found]}, text)
    if page is not None:
        console.say(f"page: {page}")


@app.command(short_help="Take old runs and films out of the history.")
def prune(
    older_than: Annotated[str, typer.Option(help="Age from which on they go: 400d.")],
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Take runs that began, and films that were last seen, longer ago than this out of the history."""
    from xscan.engine.nights.look_back import prune as take_away

    from ..nightly.night import parse_age

    console = Console(quiet, json=json)
    gone, films = take_away(state(), parse_age(older_than, "--older-than") / 86400)
    if json:
        console.result({"runs": gone, "films": films}, "")
    else:
        console.say(f"{gone} runs and {films} films taken out")
