"""`xscan audit`: what a list was worth, once readers have reported."""

from pathlib import Path
from typing import Annotated

import typer

from ..settings.points import manifest_for
from ..terminal.console import Console
from ..terminal.options import Json


def audit(
    files: Annotated[
        list[Path], typer.Argument(metavar="CSV... TRUTH", help="One or more triage lists, then what readers found.")
    ],
    engine: Annotated[str, typer.Option(help="The engine that made the lists. Default: by the run report.")] = "",
    films: Annotated[
        Path | None, typer.Option(help="The scanned folder: films that the network was trained on are left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare triage lists with what readers found: rates by band, calibration, drift month by month.

    TRUTH is a CSV with a column file, sop_uid or study_uid, and a column truth: normal, pneumonia, bacteria
    or virus. As a spreadsheet saves it: UTF-8, UTF-16 or CP1252; commas, semicolons or tabs; headers in English,
    German, Spanish and other languages.
    """
    from xscan.calibration.audit import audit as measure
    from xscan.calibration.audit import trained_films
    from xscan.engine.errors import UsageError
    from xscan.engine.runtime.choose import choose

    if len(files) < 2:
        raise UsageError("give one or more lists, then the CSV of what readers found")
    *lists, truth = files
    manifest, console = manifest_for(lists[0], engine), Console(json=json)
    trained = None
    if films is not None:
        trained = trained_films(films, manifest, choose(engine).path.parent)
        if trained is None:
            console.warn("not on record here: which films the network was trained on")
    result = measure(lists, truth, manifest, trained)
    console.result(result.as_dict(), result.as_text())
