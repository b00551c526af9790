"""`xscan inspect`: what is seen in one film, and what is said of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xscan.engine.disk.hostile import on_a_line
from xscan.engine.disk.overwrite import require_absent

from ..settings.points import wishes
from ..terminal.console import Console
from ..terminal.engine import named_or_taken
from ..terminal.options import Json, Quiet, Verbose

if TYPE_CHECKING:
    import numpy as np

    from xscan.engine.find.found import Found
    from xscan.engine.network.manifest import Manifest
    from xscan.engine.read.film import Facts, Film


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A film, or one inside a zip: export.zip/DICOM/0001.")],
    map_png: Annotated[
        Path | None, typer.Option("--map", help="Write the film with what speaks for pneumonia in colour, as PNG.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Write the 8-bit picture here, as a viewer would show it.")] = None,
    input_png: Annotated[Path | None, typer.Option(help="Write the network's input here.")] = None,
    engine: Annotated[
        str, typer.Option(help="What looks at it: a file or a shipped name. Default: what xscan batch takes.")
    ] = "",
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Show what is seen in one film and what the list would say of it, in its words, and why.

    Status, priority, finding and probabilities are those of xscan batch, by the operating points of xscan.toml; then
    the gate's scores with their limits, and format, decoder, window and view.
    Exit codes: 0 also for a file that is skipped; 2 no such file; 3 the film cannot be read.
    """
    from xscan.engine.errors import FileProblem, UnreadableRadiograph, UsageError
    from xscan.engine.preprocess.to_input import to_input
    from xscan.engine.read.apart import read_film_apart
    from xscan.engine.read.film import Limits
    from xscan.engine.runtime.open import open_runtime
    from xscan.engine.triage.points import with_points

    console = Console(quiet, verbose, json)
    found = _found(file)
    for path in (map_png, png, input_png):
        if path is not None:
            require_absent(path)
    with open_runtime(named_or_taken(engine, console).path) as runtime:
        manifest = with_points(runtime.manifest, *wishes("", ""))
        try:
            film = read_film_apart(found, Limits(min_side=manifest.smallest_side))
            picture = to_input(film.grey, manifest.input)
            outputs = {name: values[0] for name, values in runtime.outputs(picture[None, ..., None]).items()}
            if any(value != value for value in outputs["logits"].tolist()):
                raise UnreadableRadiograph("scoring", "the network gave no result for this film")
        except FileProblem as problem:
            data = {"status": problem.status, "code": problem.code, "reason": problem.reason}
            console.result(data, f"{problem.status}: {problem.reason}")
            raise typer.Exit(3 if problem.status == "failed" else 0) from None
    if map_png is not None and "maps" not in outputs:
        raise UsageError(f"the network {manifest.label} has no class maps: leave out --map, or name another --engine")
    data = _as_listed(found, film, outputs, manifest) | _describe(film.facts)
    if input_png is not None:
        data["network_input"] = f"{manifest.input.width} x {manifest.input.height}"
        _write_png(input_png, picture)
    if png is not None:
        _write_png(png, film.grey)
    if map_png is not None:
        from xscan.engine.report.overlay import overlay

        _write_png(map_png, overlay(film.grey, outputs["maps"], manifest.temperature))
    shown = data if verbose else data | {"gate": _gate_in_short(data["gate"])}
    console.result(data, "\n".join(f"{name.replace('_', ' '):22} {_text(value)}" for name, value in shown.items()))


def _gate_in_short(scores: list[dict[str, Any]]) -> object:
    """The scores over their limits; -v shows them all."""
    over = [rule for rule in scores if not rule["score"] <= rule["threshold"]]
    return over or (f"{len(scores)} scores, none over its limit" if scores else "this network has none")


def _as_listed(found: "Found", film: "Film", outputs: dict[str, "np.ndarray"], manifest: "Manifest") -> dict[str, Any]:
    """The film's row, by the columns that say something of it, and the gate's scores."""
    from xscan.engine.batch.messages import blank_row
    from xscan.engine.batch.row import fill
    from xscan.engine.triage.bands import Band, judge
    from xscan.engine.triage.gate import doubt
    from xscan.engine.triage.look import look_at
    from xscan.engine.triage.odds import probabilities

    scores = outputs["gate"].tolist() if "gate" in outputs else None
    row = blank_row(found, status="ok")
    verdict = judge(probabilities(outputs["logits"], manifest.temperature), manifest)
    routine = verdict.priority is Band.ROUTINE
    fill(row, verdict, doubt(film.facts, look_at(film.grey), scores, manifest.gate, routine=routine), manifest)
    listed: dict[str, Any] = {name: getattr(row, name) for name in ("status", "priority", "finding")}
    listed |= {name: float(getattr(row, name)) for name in ("p_normal", "p_bacteria", "p_virus", "p_pneumonia")}
    listed |= {"reason": row.reason, "model": row.model}
    listed["rule_out"], listed["rule_in"] = manifest.rule_out.threshold, manifest.rule_in.threshold
    listed["gate"] = [
        {"name": rule["name"], "score": round(score, 4), "threshold": rule["threshold"]}
        for rule, score in zip(manifest.gate.get("scores", ()), scores or (), strict=False)
    ]
    return listed


def _found(file: Path) -> "Found":
    """The file, or the zip above it and its member. Raises UsageError when there is neither."""
    from xscan.engine.errors import FileProblem, UsageError
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
            try:
                for member in members(str(parent)):
                    if member.shown == shown:
                        return Found(shown, str(parent), member.entry, member.entry.unpacked, problem=member.problem)
            except FileProblem as problem:  # of the whole zip, as the list would have it
                return Found(shown, str(parent), problem=problem)
    if file.is_dir():
        raise UsageError(f"{file} is a folder: give one film of it, or scan all with xscan batch")
    raise UsageError(f"no file {file}: check the name, and that its share is there")


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
        return "; ".join(map(_text, value)) or "-"
    if isinstance(value, dict):
        return "{name} {score} (limit {threshold:.4g})".format(**value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return on_a_line(str(value)) or "-"


def _write_png(path: Path, picture: "np.ndarray") -> None:
    import cv2

    from xscan.engine.disk.replace import replace_bytes

    replace_bytes(path, cv2.imencode(".png", picture)[1].tobytes(), require_absent, private=True)
