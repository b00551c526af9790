"""`xscan export`: a training run in, an ONNX network with its manifest out."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ..terminal.console import Console
from ..terminal.extras import needs_train
from ..terminal.logs import plain_warnings
from ..terminal.options import Json, Part, Patients, Quiet, Split


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run.")],
    data: Annotated[Path, typer.Option(help="The data set it was trained on: 256 of its films prove the export.")],
    out_of_fold: Annotated[
        list[Path] | None,
        typer.Option(
            help="scores.csv to choose temperature and operating points on; several may be given. "
            "Default: the run's own."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")] = Path("model.onnx"),
    name: Annotated[str, typer.Option(help="Name of the network, shown in the CSV.  [default: the run's]")] = "",
    model_version: Annotated[str, typer.Option(help="Version of the network, shown in the CSV.")] = "1",
    patients: Patients = None,
    split: Split = None,
    part: Part = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Export a trained network to ONNX, with operating points chosen on out-of-fold scores.

    Nothing is written when ONNX Runtime's probabilities differ from Keras's by more than 1e-5. Beside the network
    stands a record of the films that it was trained on, FINGERPRINT.films.npz, so that evaluate leaves them out.
    """
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.dataset.selection import for_training
    from xscan.engine.machine.install import require

    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever trained it: Keras's files are the same, tf2onnx is not
    require("keras", "tensorflow", "tf2onnx")
    chosen = for_training(split, part)
    console = Console(quiet=quiet, json=json)
    scores = out_of_fold or [run / "scores.csv"]
    with plain_warnings(console):
        films = chosen(load_folder(data, patients))  # before TensorFlow, which takes seconds to load
        with needs_train():
            from xscan.training.export import export as run_export
        exported = run_export(run, out, films, name=name or run.name, version=model_version, out_of_fold=scores)
    if exported.no_record:
        console.warn(
            f"no record of the films that it was trained on: {exported.no_record}; evaluate will not know them"
        )
    console.result(
        {"onnx": str(out), **exported.as_dict()},
        f"{out}: probabilities within {exported.difference:.1e} of Keras's on {exported.films} radiographs",
    )
