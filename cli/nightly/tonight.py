"""A night whose list bears the date: first yesterday's run, where it was cut off, then tonight's."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from xscan.engine.batch.run import run_batch
from xscan.engine.batch.settings import BatchSettings, Summary
from xscan.engine.errors import OutputError, UsageError, XscanError
from xscan.engine.lists.own_files import shadow_path
from xscan.engine.machine.install import shell_line
from xscan.engine.nights import dated

from ..terminal.console import Console


@dataclass(frozen=True)
class Tonight:
    """The names of a night's list and page, as the command line gives them; the day is that of the run's start."""

    list: Path
    pages: Path | None
    day: str

    @classmethod
    def of(cls, out: Path, page: Path | None) -> "Tonight":
        """Raises UsageError."""
        if dated.has_date(page) and not dated.has_date(out):
            raise UsageError("--report-file bears {date}, and --out does not: give both, or neither")
        if dated.has_date(out):
            dated.check(out)
        return cls(out, page, dated.tonight())

    @property
    def out(self) -> Path:
        return dated.on(self.list, self.day)

    @property
    def page(self) -> Path | None:
        return dated.on(self.pages, self.day) if self.pages is not None else None

    def run(
        self,
        settings: BatchSettings,
        stop: threading.Event,
        progress: Callable[[Summary], None],
        console: Console,
    ) -> Summary:
        """The night's run, and before it yesterday's, where that was cut off. Raises as `run_batch`."""
        if not dated.has_date(self.list):
            return run_batch(settings, stop, progress, console.warn)
        if (missed := dated.cut_off(self.list, self.day)) is not None:
            console.say(f"the run of {missed} was cut off: it is finished first")
            try:
                summary = run_batch(self._named(settings, missed), stop, progress, console.warn)
                if summary.interrupted:
                    return summary
            except OutputError as error:
                console.warn(f"the run of {missed} cannot be finished ({error}): tonight's goes on")
        return run_batch(self._named(settings, self.day), stop, progress, console.warn)

    def shadow(self, settings: BatchSettings, engine: Path, stop: threading.Event, console: Console) -> None:
        """Score by a second engine, into a list of its own. Whatever is wrong with it is told, and costs no night."""
        second = Tonight(shadow_path(self.list), None, self.day)
        try:
            summary = second.run(
                replace(
                    settings,
                    out=second.out,
                    page=None,
                    formats=("csv",),
                    engine=engine,
                    chosen_by="--shadow",
                    engine_may_change=True,
                    kind="shadow",
                    main=self.out,
                ),
                stop,
                lambda _: None,
                console,
            )
        except XscanError as error:
            console.warn(f"the shadow run failed ({error}): the list is whole all the same")
            return
        if summary.interrupted:
            console.warn("the shadow run was interrupted: the same command carries it on")
        else:
            compare = shell_line("xscan", "compare", str(self.out), str(second.out))
            console.say(f"shadow: {second.out}, by {summary.model}; compare: {compare}")

    def _named(self, settings: BatchSettings, day: str) -> BatchSettings:
        before = next(dated.nights(self.list, before=day), None)
        pages = self.pages
        return replace(
            settings,
            out=dated.on(self.list, day),
            page=dated.on(pages, day) if pages is not None else None,
            nightly=self.list,
            last=dated.on(self.list, before) if before else None,
            last_page=dated.on(pages, before) if before and dated.has_date(pages) and pages is not None else None,
        )
