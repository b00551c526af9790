"""`xscan phantom`: synthetic chest radiographs, for whoever has no films at hand."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..terminal.console import Console
from ..terminal.options import Json, NoProgress, Quiet, Verbose
from ..terminal.progress import counted, progress


class Format(StrEnum):
    mix = "mix"
    jpeg = "jpeg"
    png = "png"
    dicom = "dicom"


def phantom(
    folder: Annotated[Path, typer.Argument(help="Folder to write the films to; made if it is not there.")],
    count: Annotated[int, typer.Option(help="How many films.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed writes the same films.")] = 0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height of a film in pixels.")] = "1300x1000",
    format: Annotated[Format, typer.Option(help="mix: JPEG, 16-bit PNG and both kinds of DICOM in turn.")] = Format.mix,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Draw synthetic chest radiographs: normal, bacterial and viral in turn.

    For demonstrations, tests and benchmarks only: never train a network on them. Each film says PHANTOM in a
    corner, and its name says what it shows. Films of the same names in FOLDER are replaced.
    """
    from xscan.engine.errors import UsageError
    from xscan.engine.phantom.files import write_phantoms

    console = Console(quiet, verbose, json, no_progress)
    width, by, height = size.lower().partition("x")
    if not (by and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--size is {size!r}: write it as width x height in pixels, such as 1300x1000")
    rows, columns, on = int(height), int(width), format.value
    with progress(console, "drawing", count) as show:
        paths = write_phantoms(folder, count, seed, rows=rows, columns=columns, format=on, on_file=counted(show))
    console.result(
        {"folder": str(folder), "files": [path.name for path in paths]},
        f"{count} phantoms in {folder}",
    )
