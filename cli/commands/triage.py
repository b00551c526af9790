"""`xscan triage`: the bands of a list again, with other operating points."""

from pathlib import Path
from typing import Annotated

import typer

from ..settings.points import manifest_for, wishes
from ..terminal.console import Console
from ..terminal.options import Json, Quiet


def triage(
    csv: Annotated[Path, typer.Argument(help="The triage list.")],
    rule_out: Annotated[
        str, typer.Option(help="Below it: routine. sensitivity=0.99, specificity=0.9 or threshold=0.1.")
    ] = "",
    rule_in: Annotated[str, typer.Option(help="From it: urgent. Written in the same way.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the new list here; without it, only tell.")] = None,
    engine: Annotated[str, typer.Option(help="The engine that made the list. Default: by its run report.")] = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Sort a finished list by other operating points: no radiographs needed.

    Prints what the points mean and how many films change their band.
    """
    from xscan.engine.lists.retriage import retriage
    from xscan.engine.triage.bands import Band
    from xscan.engine.triage.points import table, with_points

    manifest = with_points(manifest_for(csv, engine), *wishes(rule_out, rule_in))
    counts = retriage(csv, manifest, out)
    lines = [table(manifest), "", f"{'':<10}{'before':>8}{'after':>8}"]
    lines += [f"{name:<10}{counts['before'][name]:>8}{counts['after'][name]:>8}" for name in Band]
    lines += [f"  {change}: {number}" for change, number in counts["moved"].most_common()]
    console = Console(quiet=quiet, json=json)
    data = manifest.points() | {k: dict(v) for k, v in counts.items()} | {"csv": str(out or "")}
    console.result(data, "\n".join(lines))
    if out:
        console.say(f"list: {out}")
