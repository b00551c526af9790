"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

MODEL = "An engine, an ONNX or Keras file, the name of a shipped network, or the scores.csv of a training run."


Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]


Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print what is being done and how long it took.")]


Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")]


NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no progress bar.")]


Patients = Annotated[Path | None, typer.Option(help="CSV: file,patient[,fold or part]. Default: DATA.csv.")]


# Which films of a data set: `xscan.engine.dataset.selection.selection` takes the three.
Fold = Annotated[str, typer.Option(help="Folds to use, such as 9 or 0-8; empty: all films.")]


TrainedToo = Annotated[
    bool, typer.Option("--trained-too", help="Also films that a network was trained on. Such figures promise nothing.")
]


Split = Annotated[Path | None, typer.Option(help="CSV (file,part) of xscan data split, in place of folds.")]


Part = Annotated[str, typer.Option(help="The part to use, such as test: of --split, or of data in parts.")]
