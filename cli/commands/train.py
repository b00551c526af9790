"""`xscan train`: a folder of labelled films in, a run folder with a Keras network out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..terminal.again import again
from ..terminal.choices import Trainable, TrainingPrecision
from ..terminal.console import Console
from ..terminal.extras import needs_train
from ..terminal.logs import plain_warnings
from ..terminal.options import NoProgress, Part, Patients, Quiet, Split

if TYPE_CHECKING:
    from xscan.engine.dataset.films import DataSet

VALIDATE, HOLD_OUT = 8, 9  #: the folds where nothing else is said; in a set of parts they are validate and test


def train(
    ctx: typer.Context,
    data: Annotated[
        Path,
        typer.Argument(help="Folder with a folder a class, also in parts train, validate, test; or a packed set."),
    ],
    out: Annotated[Path, typer.Option(help="Run folder to fill, for example runs/seed.")],
    architecture: Annotated[
        Trainable,
        typer.Option(
            help="Network to train, from random weights; lite_c4 ships as compact, from ImageNet weights "
            "(docs/training.md); seed: the study's Model_4."
        ),
    ] = Trainable.compact,
    option: Annotated[
        list[str] | None,
        typer.Option(help="An option of the architecture, as in a recipe: 'filters = [16, 32]'. May be repeated."),
    ] = None,
    size: Annotated[int, typer.Option(min=0, help="Side of the square input; 0: the architecture's own.")] = 0,
    patients: Patients = None,
    validate: Annotated[
        str | None,
        typer.Option(
            help="Folds to score after each epoch, not trained on; operating points are chosen on them. '': none.  "
            "[default: 8; with --part none]"
        ),
    ] = None,
    hold_out: Annotated[
        str | None, typer.Option(help="Folds kept for the final figures.  [default: 9; with --part none]")
    ] = None,
    split: Split = None,
    part: Part = "",
    epochs: Annotated[
        int, typer.Option(min=1, help="Times that every film is seen; more than before, with --resume, extend a run.")
    ] = 16,
    batch_size: Annotated[int, typer.Option(min=1, help="Films of one step.")] = 32,
    learning_rate: Annotated[float, typer.Option(min=0, help="Its peak: it rises first, then falls to 0.")] = 1e-3,
    precision: Annotated[
        TrainingPrecision,
        typer.Option(
            help="Of products on a CPU; auto: bfloat16 where the processor has it. A GPU takes bfloat16 always."
        ),
    ] = TrainingPrecision.auto,
    seed: Annotated[int, typer.Option(help="Seed of shuffling, augmentation and first weights.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run, or with a finished one for more --epochs.")
    ] = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> None:
    """Train a network and keep all that is needed to repeat the run beside its weights.

    A data set in parts (folders train, validate and test, a column part, or a --split file of those) is trained on
    train, validated on validate, and test is held out.
    """
    console = Console(quiet=quiet, no_progress=no_progress)
    from xscan.engine.dataset.folder import load_folder
    from xscan.engine.dataset.selection import for_training, parse_folds
    from xscan.engine.machine.install import require

    chosen = for_training(split, part)
    folds = {name: parse_folds(text) for name, text in (("validate", validate), ("hold_out", hold_out)) if text}
    require("keras")
    with plain_warnings(console):
        films = chosen(load_folder(data, patients))  # before TensorFlow, which takes seconds to load
    with needs_train():
        from xscan.training.fit.settings import Settings
        from xscan.training.fit.train import fastest_precision
        from xscan.training.fit.train import train as run_training
    there = {film.fold for film in films.films} if not part else set()
    settings = Settings(
        architecture=architecture.value,
        options=_options(option or []),
        size=size,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validate=folds.get("validate", (VALIDATE,) if validate is None and VALIDATE in there else ()),
        hold_out=folds.get("hold_out", (HOLD_OUT,) if hold_out is None and not part else ()),
        precision=fastest_precision() if precision is TrainingPrecision.auto else precision.value,
        seed=seed,
    )
    verbose = 1 if console.progress else 0 if quiet else 2
    with plain_warnings(console):
        done = run_training(films, settings, out, resume=resume, verbose=verbose)
    if done:
        console.say(f"trained {architecture.value} for {done} epochs: {out}")
    else:
        console.say(f"{out} is finished, {epochs} epochs: more --epochs extend it")
    console.say(_next(ctx, films, settings.validate, settings.hold_out))


def _next(ctx: typer.Context, films: "DataSet", validated: Sequence[int], held: Sequence[int]) -> str:
    """What comes next, as it can be run: `xscan export` chooses operating points on films that were validated."""
    from xscan.engine.machine.install import shell_line

    out, of = Path(ctx.params["out"]), [f"--data={ctx.params['data']}"]
    of += [f"--{name}={ctx.params[name]}" for name in ("patients", "split", "part") if ctx.params[name]]
    if validated:
        return "next: " + shell_line("xscan", "export", str(out), *of, "--out=model.onnx")
    fold = _whole_fold(films, held)
    if fold is None:
        return "to export it, operating points are chosen on films that were not trained on: there are none here"
    twin = out.with_name(f"{out.name}-validated")
    return "\n".join([
        "next, for operating points are chosen on films that were not trained on, the same without some of them:",
        "  " + again(ctx, out=twin, validate=fold, resume=None),
        "  " + shell_line("xscan", "export", str(out), *of, f"--out-of-fold={twin / 'scores.csv'}", "--out=model.onnx"),
    ])  # fmt: skip


def _whole_fold(films: "DataSet", held: Sequence[int]) -> int | None:
    """The last fold with films of every class that is not held out, if others stay to be trained on."""
    from xscan.engine import CLASSES

    labels: dict[int, set[int]] = {}
    for film in films.films:
        if film.fold is not None and film.fold not in held:
            labels.setdefault(film.fold, set()).add(film.label)
    whole = [fold for fold, found in labels.items() if len(found) == len(CLASSES)]
    return max(whole) if len(whole) > 1 else None


def _options(lines: list[str]) -> dict[str, Any]:
    import tomllib

    from xscan.engine.errors import UsageError

    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        raise UsageError(f"cannot read --option {' '.join(lines)}: write it as in 'filters = [16, 32]'") from None
