"""`xscan report`: the morning page of a triage list."""

from pathlib import Path
from typing import Annotated

import typer

from ..settings.page import large_bytes
from ..settings.state import state
from ..settings.viewer import viewer
from ..terminal.choices import Language
from ..terminal.console import Console
from ..terminal.options import Json, Quiet


def report(
    csv: Annotated[Path, typer.Argument(help="The triage list.")],
    folder: Annotated[Path | None, typer.Argument(help="The scanned folder, for pictures of the films.")] = None,
    out: Annotated[Path | None, typer.Option(help="The page to write. Default: NAME.html beside the list.")] = None,
    lang: Annotated[Language, typer.Option(help="Language that it opens in.")] = Language.en,
    no_thumbnails: Annotated[bool, typer.Option("--no-thumbnails", help="Leave out all pictures of films.")] = False,
    study_facts: Annotated[
        bool, typer.Option("--study-facts", help="Study date and accession number in the page: patient data.")
    ] = False,
    engine: Annotated[str, typer.Option(help="The engine that made the list, for its class maps.")] = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make the morning page of a triage list: one HTML file that opens in any browser, without a network.

    A picture can show a name that was burnt into its film: handle the page as patient data, or use
    --no-thumbnails.
    """
    from xscan.engine.disk.overwrite import require_page
    from xscan.engine.errors import OutputError, UsageError
    from xscan.engine.lists.run_report import manifest_of
    from xscan.engine.lists.table import beside
    from xscan.engine.nights.heard import heard
    from xscan.engine.report.earlier_page import has_pictures
    from xscan.engine.report.page import PageOptions, write_page

    console = Console(quiet=quiet, json=json)
    if not csv.is_file():
        raise UsageError(f"no list {csv}: make it with xscan batch")
    manifest = manifest_of(csv)
    page = out or beside(csv, ".html")
    require_page(page)  # now, and not after all films have been read
    if not page.parent.is_dir():
        raise OutputError(f"the folder {page.parent} does not exist: make it, or give another --out")
    if folder is None and not no_thumbnails and has_pictures(page):
        raise UsageError(
            f"{page} shows films, and the new page would not: give the scanned folder, too, or --no-thumbnails"
        )
    films = missing = 0
    with heard(state(), csv, folder) as news:
        options = PageOptions(lang.value, manifest, viewer(), study_facts, news, large_bytes())
        if folder is not None and not no_thumbnails:
            from xscan.engine.batch.pictures import Stopped, drawn, scored_rows
            from xscan.engine.lists.own_files import pictures_folder
            from xscan.engine.machine.cores import usable_cores
            from xscan.engine.network.models import DEFAULT
            from xscan.engine.report.thumbnails import Spooled
            from xscan.engine.runtime.open import find_engine

            from ..terminal.signals import stopping

            used = find_engine(engine or (manifest.name if manifest else DEFAULT))
            try:
                with (
                    stopping() as stop,
                    drawn(
                        csv, folder, used, manifest, pictures_folder(page), usable_cores(), stop, order=study_facts
                    ) as label,
                    Spooled(pictures_folder(page).path) as pictures,
                ):
                    films = sum(1 for _ in scored_rows(csv))
                    missing = sum(pictures.get(row) is None for row in scored_rows(csv))
                    if films and missing == films:
                        raise UsageError(
                            f"none of the {films} films of {csv.name} is in {folder}: give the folder that was "
                            "scanned, or leave it out; no page was written"
                        )
                    write_page(csv, page, options, lambda row: pictures.get(row, maps=row.model == label))
            except Stopped:
                console.say("interrupted: no page was written")
                raise typer.Exit(130) from None
        else:
            write_page(csv, page, options, None)
    if missing:
        why = f"their films are not in {folder}, have changed, or could not be scored"
        console.warn(f"{missing} of {films} pictures are missing: {why}")
    if json:
        console.result({"page": str(page), "missing_pictures": missing}, "")
    else:
        console.say(f"page: {page}")
