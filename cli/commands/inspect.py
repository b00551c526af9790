"""`xscan inspect`: what the scanner sees in one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xscan.engine.disk.hostile import on_a_line

from ..terminal.console import Console
from ..terminal.engine import named_or_taken
from ..terminal.options import Json, Quiet, Verbose

if TYPE_CHECKING:
    import numpy as np

    from xscan.engine.find.found import Found
    from xscan.engine.read.film import Facts


def inspect(
    file: Annotated[Path, typer.Argument(help="A film, or one inside a zip: export.zip/DICOM/0001.")],
    png: Annotated[Path | None, typer.Option(help="Write the 8-bit picture here, as a viewer would show it.")] = None,
    input_png: Annotated[Path | None, typer.Option(help="Write the network's input here.")] = None,
    engine: Annotated[
        str, typer.Option(help="What looks at it: a file or a shipped name. Default: what xscan batch takes.")
    ] = "",
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Show what the scanner sees in one file: format, decoder, window, view, and why it is not scored or decided on.

    Exit codes: 0 also for a file that is skipped; 2 no such file; 3 the film cannot be read.
    """
    from xscan.engine.errors import FileProblem
    from xscan.engine.preprocess.to_input import to_input
    from xscan.engine.read.apart import read_film_apart
    from xscan.engine.read.film import Limits
    from xscan.engine.runtime.open import open_runtime
    from xscan.engine.triage.gate import doubt
    from xscan.engine.triage.look import look_at

    console = Console(quiet, verbose, json)
    found = _found(file)
    with open_runtime(named_or_taken(engine, console).path) as runtime:
        manifest = runtime.manifest
        try:
            film = read_film_apart(found, Limits(min_side=manifest.smallest_side))
        except FileProblem as problem:
            data = {"status": problem.status, "code": problem.code, "reason": problem.reason}
            console.result(data, f"{problem.status}: {problem.reason}")
            raise typer.Exit(3 if problem.status == "failed" else 0) from None
        picture = to_input(film.grey, manifest.input)
        scores = runtime.outputs(picture[None, ..., None]).get("gate")
    data = _describe(film.facts)
    if png is not None:
        _write_png(png, film.grey)
    if input_png is not None:
        _write_png(input_png, picture)
        data["network_input"] = f"{manifest.input.width} x {manifest.input.height}"
    found = doubt(film.facts, look_at(film.grey), None if scores is None else scores[0].tolist(), manifest.gate)
    if found and not film.facts.doubts:
        data["doubts"] = [": ".join(found)]
    data = {"status": "review" if found else "scored"} | data
    console.result(data, "\n".join(f"{name.replace('_', ' '):22} {_text(value)}" for name, value in data.items()))


def _found(file: Path) -> "Found":
    """The file, or the zip above it and its member. Raises UsageError when there is neither."""
    from xscan.engine.errors import UsageError
    from xscan.engine.find.found import Found
    from xscan.engine.find.zips import SUFFIXES

    if file.is_file() and file.name.lower().endswith(SUFFIXES):
        raise UsageError(f"{file} is a zip: name a film inside it, as in {file.name}/DICOM/0001, or scan its folder")
    if file.is_file():
        return Found(file.name, str(file))
    for parent in file.parents:
        if parent.is_file() and parent.name.lower().endswith(SUFFIXES):
            from xscan.engine.find.zips import members

            shown = file.relative_to(parent).as_posix()
            for member in members(str(parent)):
                if member.shown == shown:
                    return Found(shown, str(parent), member.entry, member.entry.unpacked, problem=member.problem)
    if file.is_dir():
        raise UsageError(f"{file} is a folder: give one film of it, or scan all with xscan batch")
    raise UsageError(f"no file {file}")


def _describe(facts: "Facts") -> dict[str, Any]:
    """The facts that may be shown: the age stays inside."""
    from xscan.engine.read.dicom.pixels import SYNTAXES

    syntax = facts.transfer_syntax
    shown: dict[str, Any] = {"format": facts.format}
    if facts.format == "DICOM":
        shown["transfer_syntax"] = f"{syntax} {SYNTAXES.get(syntax, 'not known')}".strip()
        shown |= {"modality": facts.modality, "body_part": facts.body_part, "view": facts.view_position}
        shown["for_processing"] = facts.for_processing
    shown |= {
        "decoder": facts.decoder,
        "size": f"{facts.columns} x {facts.rows}",
        "bits": facts.bits,
        "photometric": facts.photometric,
        "window": facts.window,
        "polarity": "inverted: low values are bright" if facts.inverted else "as stored: high values are bright",
        "doubts": [f"{code}: {sentence}" for code, sentence in facts.doubts],
        "notes": facts.notes,
    }
    return shown


def _text(value: object) -> str:
    if isinstance(value, list):
        return on_a_line("; ".join(map(str, value))) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return on_a_line(str(value)) or "-"


def _write_png(path: Path, picture: "np.ndarray") -> None:
    import cv2

    from xscan.engine.disk.overwrite import require_absent
    from xscan.engine.disk.replace import replace_bytes

    replace_bytes(path, cv2.imencode(".png", picture)[1].tobytes(), require_absent, private=True)
