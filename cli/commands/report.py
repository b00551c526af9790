"""`xscan report`: the morning page of a triage list."""

from pathlib import Path
from typing import Annotated

import typer

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
    engine: Annotated[str, typer.Option(help="The engine that made the list, for its class maps.")] = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make the morning page of a triage list: one HTML file that opens in any browser, without a network.

    A picture can show a name that was burnt into its film: handle the page as patient data, or use
    --no-thumbnails.
    """
    from xscan.engine.lists.run_report import manifest_of
    from xscan.engine.lists.table import beside
    from xscan.engine.report.page import PageOptions, write_page

    console = Console(quiet=quiet, json=json)
    manifest = manifest_of(csv)
    page = out or beside(csv, ".html")
    options = PageOptions(lang.value, manifest, viewer())
    if folder is not None and not no_thumbnails:
        from xscan.engine.network.models import DEFAULT
        from xscan.engine.read.film import Limits
        from xscan.engine.report.reread import FilmsAgain
        from xscan.engine.runtime.open import find_engine

        used = find_engine(engine or (manifest.name if manifest else DEFAULT))
        with FilmsAgain(folder, used, Limits()) as pictures:
            write_page(csv, page, options, pictures)
    else:
        write_page(csv, page, options, None)
    if json:
        console.result({"page": str(page)}, "")
    else:
        console.say(f"page: {page}")
