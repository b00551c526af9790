"""`xscan fit-gate`: teach an exported network which films it may not decide on."""

from pathlib import Path
from typing import Annotated

import typer

from ..terminal.console import Console
from ..terminal.options import Json


def fit_gate(
    model: Annotated[str, typer.Argument(help="The exported network, or the name of a shipped one.")],
    data: Annotated[Path, typer.Argument(help="Its labelled films: a folder with a folder a class, or a packed set.")],
    adults: Annotated[Path, typer.Argument(help="Films outside its population; a CSV beside it: file,part.")],
    out: Annotated[Path, typer.Option(help="The gated network to write.")],
    originals: Annotated[
        Path | None,
        typer.Option(help="Films at full size, to fit and measure on; a CSV beside: file,patient,fold."),
    ] = None,
    each: Annotated[int, typer.Option(min=50, help="Films made bad, of each kind.")] = 800,
    figure: Annotated[Path | None, typer.Option(help="ROC curves of each kind, as SVG or PNG.")] = None,
    seed: Annotated[int, typer.Option(help="Of the choice of films and of what is done to them.")] = 0,
    json: Json = False,
) -> None:
    """Fit the gate of a network on folds 0 to 8 and the `tune` part of the adults; measure it on the rest.

    Adds the output `gate` to the graph, and thresholds and figures to the manifest.
    """
    from xscan.engine.machine.install import require

    require("sklearn", *(["matplotlib"] if figure is not None else []))
    from xscan.calibration.gate.fit_gate import fit_and_measure
    from xscan.engine.runtime.open import find_engine

    result = fit_and_measure(
        find_engine(model), data, adults, out, originals=originals, each=each, seed=seed, figure=figure
    )
    Console(json=json).result(result.as_dict(), result.as_text())
