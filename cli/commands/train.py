"""`xscan train`: a folder of labelled films in, a run folder with a Keras network out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..terminal.choices import Trainable, TrainingPrecision
from ..terminal.console import Console
from ..terminal.extras import needs_train
from ..terminal.options import NoProgress, Part, Patients, Quiet, Split


def train(
    data: Annotated[Path, typer.Argument(help="Folder with a folder a class, or a packed set.")],
    out: Annotated[Path, typer.Option(help="Run folder to fill, for example runs/seed.")],
    architecture: Annotated[
        Trainable, typer.Option(help="Network to train; compact is what ships, seed the study's Model_4.")
    ] = Trainable.compact,
    option: Annotated[
        list[str] | None,
        typer.Option(help="An option of the architecture, as in a recipe: 'filters = [16, 32]'. May be repeated."),
    ] = None,
    size: Annotated[int, typer.Option(min=0, help="Side of the square input; 0: the architecture's own.")] = 0,
    patients: Patients = None,
    validate: Annotated[str, typer.Option(help="Folds to score after each epoch, not trained on: 7,8.")] = "",
    hold_out: Annotated[
        str | None, typer.Option(help="Folds kept for the final figures.  [default: 9; with --split none]")
    ] = None,
    split: Split = None,
    part: Part = "",
    epochs: Annotated[int, typer.Option(min=1, help="Times that every film is seen.")] = 16,
    batch_size: Annotated[int, typer.Option(min=1, help="Films of one step.")] = 32,
    learning_rate: Annotated[float, typer.Option(min=0, help="Its peak: it rises first, then falls to 0.")] = 1e-3,
    precision: Annotated[
        TrainingPrecision,
        typer.Option(
            help="Of products on a CPU; auto: bfloat16 where the processor has it. A GPU takes bfloat16 always."
        ),
    ] = TrainingPrecision.auto,
    seed: Annotated[int, typer.Option(help="Seed of shuffling, augmentation and first weights.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Train a network and keep all that is needed to repeat the run beside its weights."""
    console = Console(quiet=quiet, no_progress=no_progress)
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.dataset.selection import choose, parse_folds, selection

    keeps = selection(split=split, part=part)
    with needs_train():
        from xscan.training.fit.settings import Settings
        from xscan.training.fit.train import fastest_precision
        from xscan.training.fit.train import train as run_training
    settings = Settings(
        architecture=architecture.value,
        options=_options(option or []),
        size=size,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validate=parse_folds(validate),
        hold_out=parse_folds(hold_out if hold_out is not None else "" if split else "9"),
        precision=fastest_precision() if precision is TrainingPrecision.auto else precision.value,
        seed=seed,
    )
    films = choose(load_folder(data, patients), keeps)
    run_training(films, settings, out, resume=resume, verbose=1 if console.progress else 0 if quiet else 2)
    console.say(f"trained {architecture.value}: {out}")
    console.say(_next(out, data, patients, chosen=bool(settings.validate)))


def _next(out: Path, data: Path, patients: Path | None, chosen: bool) -> str:
    """The command that comes next, as it can be run; `xscan export` chooses operating points on validation films."""
    import shlex

    if not chosen:
        return (
            "to export it, train the same with --validate 8 and another --out first: operating points are chosen on "
            "the scores.csv of that run (xscan export --out-of-fold)"
        )
    listed = [f"--patients={patients}"] if patients is not None else []
    return f"next: {shlex.join(['xscan', 'export', str(out), f'--data={data}', *listed, '--out=model.onnx'])}"


def _options(lines: list[str]) -> dict[str, Any]:
    import tomllib

    from xscan.engine.errors import UsageError

    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        raise UsageError(f"cannot read --option {' '.join(lines)}: write it as in 'filters = [16, 32]'") from None
