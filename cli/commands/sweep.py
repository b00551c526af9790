"""`xscan sweep`: many networks by one recipe, one chosen on validation patients, and what that choice is worth."""

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ..terminal.console import Console
from ..terminal.extras import needs_train
from ..terminal.logs import plain_warnings
from ..terminal.options import Json, Patients, Quiet, Split


def sweep(
    recipe: Annotated[
        str, typer.Argument(help="A TOML file of named networks, or 'study': the seed study's families.")
    ],
    data: Annotated[
        Path,
        typer.Option(help="Folder with a folder a class, also in parts train, validate, test; or a packed set."),
    ],
    out: Annotated[Path | None, typer.Option(help="Folder to fill.  [default: runs/ and the recipe's name]")] = None,
    epochs: Annotated[int, typer.Option(min=0, help="Of a network that is never dropped; 0: the recipe's.")] = 0,
    hours: Annotated[
        float, typer.Option(min=0, help="Drop more networks so as to end in time, and stop then; 0: no limit.")
    ] = 0,
    size: Annotated[int, typer.Option(min=0, help="Side of the square input; 0: each architecture's own.")] = 0,
    only: Annotated[list[str] | None, typer.Option(help="Train these networks and no other: compact,seed.")] = None,
    jobs: Annotated[
        int,
        typer.Option(min=1, help="Networks trained at once, each on its share of the cores: one a core is fastest."),
    ] = 1,
    patients: Patients = None,
    split: Split = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train a recipe's networks by successive halving, and write OUT/leaderboard.csv and .html.

    Run again, the same command goes on where it stopped; several may work on one OUT at once. Networks are
    ranked and chosen on validation patients, never on the test part. In a data set in parts those are validate and
    test, whatever the recipe says of folds.
    """
    console = Console(quiet=quiet, json=json)
    place = out or Path("runs") / Path(recipe).stem
    work: dict[str, Any] = {
        "recipe": recipe, "epochs": epochs, "size": size, "only": ",".join(only or ()).split(",") if only else [],
        "data": data, "patients": patients, "split": split, "out": place, "jobs": jobs, "console": console,
        "deadline": time.monotonic() + 3600 * hours if hours else None,
    }  # fmt: skip
    if jobs > 1:
        _share_cores(jobs)
    with plain_warnings(console):
        prepared = _prepare(**work)
    with needs_train():
        from xscan.training.sweep.page import publish
        from xscan.training.sweep.search import search
    try:
        with _helpers(jobs - 1, work), plain_warnings(console):
            complete = search(prepared)
    except KeyboardInterrupt:
        console.say("interrupted: run the same command again to carry on")
        raise typer.Exit(130) from None
    board = publish(prepared, complete)
    console.result(board.as_dict() | {"out": str(place)}, board.as_text())
    console.say(f"leaderboard: {place / 'leaderboard.html'}")
    if complete and board.chosen:
        from xscan.engine.machine.install import shell_line

        of = [
            f"--{name}={value}" for name, value in (("data", data), ("patients", patients), ("split", split)) if value
        ]
        run = str(place / "grouped" / board.chosen.name)
        console.say("next: " + shell_line("xscan", "export", run, *of, "--out=model.onnx"))


def _prepare(
    recipe: str, epochs: int, size: int, only: list[str], data: Path, patients: Path | None, split: Path | None,
    out: Path, jobs: int, console: Console, deadline: float | None,
) -> Any:  # fmt: skip
    with needs_train():
        from xscan.engine.dataset.folder import load_folder
        from xscan.engine.dataset.selection import for_training
        from xscan.training.sweep.recipe import read_recipe
        from xscan.training.sweep.search import Sweep, open_sweep
    wanted = read_recipe(recipe, epochs=epochs, size=size, only=only)
    films = for_training(split, "")(load_folder(data, patients))
    if films.in_parts:
        wanted = wanted.with_parts()
    sweep = Sweep(wanted, films, out, jobs, deadline, console.say)
    open_sweep(sweep)
    return sweep


def _share_cores(jobs: int) -> None:
    """Read by TensorFlow, PyTorch and JAX when they are imported, here and in the helpers."""
    from xscan.engine.machine.cores import usable_cores

    threads = str(max(1, usable_cores() // jobs))
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, threads)


@contextmanager
def _helpers(count: int, work: dict[str, Any]) -> Iterator[None]:
    """Processes that work on the same folder until it is done; they end with this one, however it ends."""
    start = multiprocessing.get_context("spawn")
    helpers = [start.Process(target=_help, kwargs=work, daemon=True) for _ in range(count)]
    for helper in helpers:
        helper.start()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
        for helper in helpers:
            helper.join()
    finally:
        for helper in helpers:
            helper.terminate()
        signal.signal(signal.SIGTERM, before)


def _help(**work: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the first process ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the first process says them
            sweep = _prepare(**work)
            from xscan.training.sweep.search import search

            search(sweep)
    except Exception as error:  # the first process does what this one leaves
        work["console"].warn(f"a helping process ended early: {type(error).__name__}")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
