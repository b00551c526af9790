"""What a person sees of a batch: progress and the closing table."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xscan.engine.batch.settings import Summary
from xscan.engine.errors import XscanError
from xscan.engine.find.discover import discover
from xscan.engine.find.named import Named
from xscan.engine.runtime.choose import BUILT, SHIPPED, USED

from .console import Console
from .progress import progress


@contextmanager
def following(console: Console, what: Named, follow_links: bool = False) -> Iterator[Callable[[Summary], None]]:
    """A bar with the rate and the failed films, for `run_batch`."""
    with progress(console) as show:
        if console.progress:
            # The walk is only a little ahead of the workers, so the total is counted on the side.
            threading.Thread(target=lambda: show(total=_count(what, follow_links)), daemon=True).start()

        def update(summary: Summary) -> None:
            failed = summary.status["failed"]
            rate = f"{(summary.files - summary.kept) / max(summary.seconds, 1e-3):.0f}/s"
            show(summary.files, note=rate + (f", {failed} failed" if failed else ""))

        yield update


def _count(what: Named, follow_links: bool) -> int | None:
    """How many rows the walk gives: links that go round in circles and the members of zips are counted as it does."""
    try:
        return sum(1 for _ in discover(what.folder, follow_links=follow_links, only=what.only))
    except XscanError:  # the run says it
        return None


def summary_table(summary: Summary, out: Path, page: Path | None) -> str:
    """The closing lines: priorities, what was not scored and why, rate, where the list is."""
    from xscan.engine.triage.bands import Band

    if summary.unchanged:
        return f"nothing new: {out} stands as it is ({plural(summary.files, 'file')})"
    lines = [f"{plural(summary.files, 'file')}, {plural(summary.scored, 'radiograph')} scored"]
    lines += [f"  {name:<9}{summary.priority[name]:>7}" for name in Band]
    for status in ("failed", "skipped"):
        if summary.status[status]:
            lines.append(f"  {status:<9}{summary.status[status]:>7}   {_reasons(summary, status)}")
    if doubtful := summary.status["review"]:
        lines.append(f"  of the scored, {doubtful} doubtful: {_reasons(summary, 'review')}")
    if summary.new is not None:
        by_band = ", ".join(f"{summary.new[name]} {name}" for name in Band if summary.new[name])
        lines.append(f"  new tonight {summary.new.total():>4}{'   ' + by_band if by_band else ''}")
    if summary.kept or summary.dropped:
        lines.append(f"  {summary.kept} rows kept from earlier, {summary.dropped} of vanished files dropped")
    if summary.engine_changed:
        lines.append("  the list was made with another engine: all its films were scored again")
    new = summary.files - summary.kept
    rate = new / max(summary.seconds, 1e-3)
    lines.append(f"{plural(new, 'file')} in {summary.seconds:.1f} s, {rate:.0f} a second, {summary.runtime}")
    lines.append(f"engine: {engine_text(summary.engine)}")
    lines.append(f"list: {out}")
    if page is not None:
        lines.append(f"page: {page}")
    return "\n".join(lines)


def engine_text(engine: dict[str, Any]) -> str:
    """`compact.engine (int8), built here`."""
    known = {BUILT: "built here", SHIPPED: "as shipped", USED: "chosen by xscan engine use"}
    why = known.get(engine["chosen_by"], f"named by {engine['chosen_by']}")
    return f"{engine['name']} ({engine['precision']}), {why}"


def _reasons(summary: Summary, status: str) -> str:
    from xscan.engine.reasons import FAILED, REVIEW, SKIPPED

    codes = {"failed": FAILED, "skipped": SKIPPED, "review": REVIEW}[status]
    return ", ".join(f"{code} {n}" for code, n in summary.reasons.most_common() if code in codes)


def plural(number: int, noun: str, many: str = "") -> str:
    """`1 film`, `2 films`; many: the word for more than one, where it is not the noun and an s."""
    return f"{number} {noun if number == 1 else many or noun + 's'}"
