"""What a person sees of a batch: progress, the closing table, and how Ctrl-C is taken."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xscan.engine.batch.settings import Summary

from .common import Console

PRIORITIES = ("urgent", "review", "routine")


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM or a closed terminal sets; a second one ends the process at once."""
    stop = threading.Event()

    def ask(number: int, _: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGBREAK if os.name == "nt" else signal.SIGHUP]
    if os.name != "nt" and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # nohup: it is to outlive its terminal
        signals.remove(signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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


def _count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder, followlinks=True))


def summary_table(summary: Summary, out: Path, page: Path | None) -> str:
    """The closing lines: priorities, what was not scored and why, rate, where the list is."""
    if summary.unchanged:
        return f"nothing new: {out} stands as it is ({plural(summary.files, 'file')})"
    lines = [f"{plural(summary.files, 'file')}, {plural(summary.scored, 'radiograph')} scored"]
    lines += [f"  {name:<9}{summary.priority[name]:>7}" for name in PRIORITIES]
    for status in ("failed", "skipped"):
        if summary.status[status]:
            lines.append(f"  {status:<9}{summary.status[status]:>7}   {_reasons(summary, status)}")
    if doubtful := summary.status["review"]:
        lines.append(f"  of the scored, {doubtful} doubtful: {_reasons(summary, 'review')}")
    if summary.kept or summary.dropped:
        lines.append(f"  {summary.kept} rows kept from earlier, {summary.dropped} of vanished files dropped")
    new = summary.files - summary.kept
    rate = new / max(summary.seconds, 1e-3)
    lines.append(f"{new} files in {summary.seconds:.1f} s, {rate:.0f} a second, {summary.runtime}")
    lines.append(f"list: {out}")
    if page is not None:
        lines.append(f"page: {page}")
    return "\n".join(lines)


def _reasons(summary: Summary, status: str) -> str:
    from xscan.engine.reasons import FAILED, REVIEW, SKIPPED

    codes = {"failed": FAILED, "skipped": SKIPPED, "review": REVIEW}[status]
    return ", ".join(f"{code} {n}" for code, n in summary.reasons.most_common() if code in codes)


def plural(number: int, noun: str) -> str:
    """`1 film`, `2 films`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
