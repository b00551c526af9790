"""One progress display for every command that takes its time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from .console import Console


class Show(Protocol):
    """Says how far the work has come; from any thread. What is not given stays as it was."""

    def __call__(
        self, done: int | None = None, total: int | None = None, *, what: str | None = None, note: str | None = None
    ) -> None: ...


@contextmanager
def progress(console: Console, what: str = "", total: int | None = None) -> Iterator[Show]:
    """A bar with the time left on a terminal, nothing elsewhere; with -v what the work took.

    While it stands, what `console` and the log print to stderr comes out above it.
    """
    began = time.monotonic()
    with _bar(what, total) if console.progress else _nothing() as show:
        yield show
    if what:
        console.detail(f"{what} took {time.monotonic() - began:.1f} s")


@contextmanager
def _nothing() -> Iterator[Show]:
    yield lambda *_, **__: None


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Show]:
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    # stdout is data's: rich would send it to stderr with the rest.
    with Progress(*columns, console=Terminal(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(what, total=total, note="")

        def show(
            done: int | None = None, total: int | None = None, *, what: str | None = None, note: str | None = None
        ) -> None:
            bar.update(task, completed=done, total=total, description=what)
            if note is not None:
                bar.update(task, note=note)

        yield show


def counted(show: Show) -> Callable[[object], None]:
    """For work that calls with each thing done and not with a number."""
    done = 0

    def one_more(_: object) -> None:
        nonlocal done
        done += 1
        show(done)

    return one_more
