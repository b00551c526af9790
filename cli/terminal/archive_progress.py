"""What a person sees of an archive's run: each step, its rate, failures by reason; and lines without a terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .console import Console
from .progress import progress

if TYPE_CHECKING:
    from xscan.engine.archive.plan import Plan
    from xscan.engine.archive.settings import Progress

LINE_S = 60.0  #: between two lines of -v

_WHAT = {"inventory": "listing", "scan": "scanning", "finish": "writing the list"}


@contextmanager
def watching(console: Console) -> Iterator[Callable[["Progress"], None]]:
    """A bar with the rate, the actors and the failures; with -v a line a minute, for a run without a terminal."""
    told = 0.0
    with progress(console) as show:

        def watch(state: "Progress") -> None:
            nonlocal told
            show(state.done, state.total, what=_WHAT[state.step], note=_note(state))
            if time.monotonic() - told > LINE_S:
                told = time.monotonic()
                of = f" of {state.total}" if state.total is not None else ""
                console.detail(f"{_WHAT[state.step]}: {state.done}{of}, {_note(state)}")

        yield watch


def plan_text(plan: "Plan") -> str:
    """The plan of a dry run."""
    return (
        f"{plan.files} files, {plan.bytes / 1e9:.1f} GB; {plan.left} to scan, in blocks of {plan.block}\n"
        f"{plan.film_seconds * 1000:.1f} ms a film and worker, measured here on {plan.sample} of them\n"
        f"{plan.actors} workers at once: {plan.hours:.2f} hours, if storage gives "
        f"{plan.bytes / max(1, plan.files) * plan.actors / max(plan.film_seconds, 1e-6) / 1e6:.0f} MB a second"
    )


def _note(state: "Progress") -> str:
    done = state.new if state.step == "scan" else state.done
    words = [f"{done / max(state.seconds, 1e-3):.0f}/s"]
    if state.step == "scan":
        words.append(f"{state.actors} actor{'' if state.actors == 1 else 's'}")
    if state.lost:
        words.append(f"{state.lost} replaced")
    words += [f"{code} {n}" for code, n in state.failures.most_common(3)]
    return ", ".join(words)
