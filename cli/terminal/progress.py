"""One progress bar for every command that takes its time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xscan.engine.batch.settings import Summary
from xscan.engine.errors import XscanError
from xscan.engine.find.discover import discover

from .console import Console


@contextmanager
def progress_bar(console: Console, folder: Path) -> Iterator[Callable[[Summary], None]]:
    """A bar with rate and time left on a terminal; nothing elsewhere."""
    if not console.progress:
        yield lambda _: None
        return
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
    )
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate="", failed="")
        # Discovery is only a little ahead of the workers, so the total is counted on the side.
        threading.Thread(target=lambda: bar.update(task, total=_count(folder)), daemon=True).start()

        def update(summary: Summary) -> None:
            failed = summary.status["failed"]
            rate = f"{(summary.files - summary.kept) / max(summary.seconds, 1e-3):.0f}/s"
            bar.update(task, completed=summary.files, rate=rate, failed=f"{failed} failed" if failed else "")

        yield update


def _count(folder: Path) -> int | None:
    """How many rows the walk gives: links that go round in circles and the members of zips are counted as it does."""
    try:
        return sum(1 for _ in discover(folder))
    except XscanError:  # the run says it
        return None
