"""What every command shares: the options -q, -v, --json, --no-progress, and how they print."""

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from xscan.engine.errors import UsageError

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print what is being done and how long it took.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no progress bar.")]
Patients = Annotated[Path | None, typer.Option(help="CSV: file,patient[,fold]. Default: DATA.csv.")]
# Which films of a data set: `xscan.engine.dataset.selection.select` takes the three.
Fold = Annotated[str, typer.Option(help="Folds to use, such as 9 or 0-8; empty: all films.")]
Split = Annotated[Path | None, typer.Option(help="CSV (file,part) of xscan data split, in place of folds.")]
Part = Annotated[str, typer.Option(help="The part of --split to use, such as test.")]


@dataclass(frozen=True)
class Console:
    """Data goes to stdout, everything else to stderr; progress only to a terminal."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False
    no_progress: bool = False

    @property
    def progress(self) -> bool:
        return not (self.quiet or self.no_progress) and sys.stderr.isatty()

    def say(self, text: str) -> None:
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        if self.verbose and not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        print(f"xscan: warning: {text}", file=sys.stderr, flush=True)

    def result(self, data: dict[str, Any], text: str) -> None:
        """Print a command's result: `data` with --json, else `text` (also when quiet: it is the data)."""
        print(json.dumps(data, ensure_ascii=False) if self.json else text)


@contextmanager
def needs_train() -> Iterator[None]:
    """Around the imports of commands that need Keras: names the extra if absent, lets nothing out on stderr."""
    with names_extra(), _silent():
        yield
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].constant(0)  # it says once more that oneDNN is on


@contextmanager
def names_extra() -> Iterator[None]:
    """Around work that may import Keras or matplotlib in the middle: names the extra if absent."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("xscan"):
            raise
        advice = f"pip install 'xscan[{'train-torch' if error.name == 'torch' else 'train'}]'"
        if error.name == "tensorflow":
            advice += ", or train with what there is: KERAS_BACKEND=torch"
        raise UsageError(f"this command needs {error.name}: {advice}") from None


@contextmanager
def _silent() -> Iterator[None]:
    """TensorFlow writes to the file descriptor, before any setting of its own can stop it."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def plain_warnings(console: Console) -> Iterator[None]:
    """Our own warnings (UserWarning) as one line of the command, those of libraries not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=UserWarning, module=r"xscan\.")
        warnings.showwarning = lambda message, *_, **__: console.warn(str(message))
        yield


def set_up_logging(console: Console, log_file: Path | None) -> None:
    """Log lines go to stderr with -v, and to `log_file`. They hold no path and nothing out of a film.

    Raises UsageError when the file cannot be written.
    """
    logger = logging.getLogger("xscan")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handlers: list[logging.Handler] = [logging.StreamHandler()] if console.verbose and not console.quiet else []
    if log_file is not None:
        from xscan.engine.disk.overwrite import require_log

        require_log(log_file)
        try:
            handlers.append(logging.FileHandler(log_file, encoding="utf-8"))
        except OSError:
            raise UsageError(f"cannot write the log {log_file}: check its folder and permissions") from None
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
