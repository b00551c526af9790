"""`xscan batch`: a folder in, a triage list out."""

from pathlib import Path
from typing import Annotated

import typer

from xscan.engine.machine.cores import usable_cores

from ..notify import notifies
from ..settings.page import large_bytes
from ..settings.points import wishes
from ..settings.state import state
from ..settings.viewer import viewer
from ..terminal.choices import Language, ListFormat
from ..terminal.console import Console
from ..terminal.groups import HELP_ALL, HOW, RARE, RUN, WHERE, WRITE
from ..terminal.logs import set_up_logging
from ..terminal.options import Json, NoProgress, Quiet, Verbose
from ..terminal.scan_options import (
    BatchSize,
    FileTimeout,
    FollowLinks,
    LogFile,
    MaxFailures,
    MaxMegabytes,
    MaxMegapixels,
    Mend,
    RuleIn,
    RuleOut,
    StudyFacts,
    Workers,
)

#: What `xscan batch --help` shows; --help-all shows all.
BRIEF = ("films", "out", "report", "engine", "max_failures", "notify", "help_all")


@notifies
def batch(
    ctx: typer.Context,
    films: Annotated[list[Path], typer.Argument(metavar="FILMS", help="A folder with all below it, a zip, films.")],
    out: Annotated[
        Path, typer.Option(metavar="LIST", help="The list; {date} is the day.", rich_help_panel=WRITE)
    ] = Path("triage.csv"),
    report: Annotated[
        bool,
        typer.Option("--report", help="Make the morning page, too, beside the list.", rich_help_panel=WRITE),
    ] = False,
    report_file: Annotated[Path | None, typer.Option(help="Make the morning page here.", rich_help_panel=WRITE)] = None,
    lang: Annotated[
        Language, typer.Option(help="Language that the page opens in.", rich_help_panel=WRITE)
    ] = Language.en,
    thumbnails: Annotated[
        bool,
        typer.Option(
            "--thumbnails/--no-thumbnails", help="Small pictures of the films in the page.", rich_help_panel=WRITE
        ),
    ] = True,
    format: Annotated[
        list[ListFormat] | None,
        typer.Option(help="Formats beside the CSV; may be given twice.", rich_help_panel=WRITE),
    ] = None,
    log_file: LogFile = None,
    shard: Annotated[
        str,
        typer.Option(help="This machine's part of the folder: 1/4 to 4/4 for four.", rich_help_panel=WHERE),
    ] = "1/1",
    follow_links: FollowLinks = False,
    engine: Annotated[
        str,
        typer.Option(
            metavar="ENGINE",
            help="Network or engine; default: built here, else compact.",
            rich_help_panel=HOW,
        ),
    ] = "",
    rule_out: RuleOut = "",
    rule_in: RuleIn = "",
    study_facts: StudyFacts = False,
    mend: Mend = False,
    shadow: Annotated[
        str,
        typer.Option(
            metavar="ENGINE",
            help="Score by a second engine, too, into NAME.shadow.csv, once the list is done.",
            rich_help_panel=HOW,
        ),
    ] = "",
    workers: Workers = 0,
    batch_size: BatchSize = 8,
    max_failures: MaxFailures = "0",
    min_files: Annotated[
        int,
        typer.Option(min=0, help="Fewer radiographs than this are an error (exit code 2).", rich_help_panel=RUN),
    ] = 0,
    notify: Annotated[
        str,
        typer.Option(
            metavar="CMD",
            help="Run this after a bad end, with the run report's path.",
            rich_help_panel=RUN,
        ),
    ] = "",
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Start over: drop the list of earlier runs.", rich_help_panel=RUN),
    ] = False,
    allow_shrink: Annotated[
        bool,
        typer.Option(
            "--allow-shrink",
            help="Drop the list's films also where an empty or lost folder held most.",
            rich_help_panel=RARE,
        ),
    ] = False,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", help="Build the engine again where it does not fit this machine.", rich_help_panel=RARE
        ),
    ] = False,
    max_megapixels: MaxMegapixels = 100,
    max_megabytes: MaxMegabytes = 512,
    file_timeout: FileTimeout = 120,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
    help_all: Annotated[bool, HELP_ALL] = False,
) -> None:
    """Scan a folder of radiographs into a triage list; run again, it carries on.

    The same command run again scores films that are new, changed or had failed.

    Exit codes: 0 done; 2 usage; 3 more failed films than --max-failures; 4 no usable engine; 5 disk full or
    share lost; 130 interrupted.
    """
    from xscan.engine.batch.budget import FailureBudget
    from xscan.engine.batch.settings import BatchSettings
    from xscan.engine.disk.overwrite import require_apart, require_page
    from xscan.engine.errors import UsageError
    from xscan.engine.find.named import named
    from xscan.engine.find.shard import Shard
    from xscan.engine.lists.formats import check_formats
    from xscan.engine.lists.table import beside
    from xscan.engine.read.film import Limits
    from xscan.engine.runtime.choose import choose
    from xscan.engine.runtime.fits import doubts
    from xscan.engine.runtime.open import find_engine
    from xscan.engine.runtime.rebuild import rebuild_if_needed

    from ..nightly.tonight import Tonight
    from ..terminal.batch_summary import following, plural, summary_table
    from ..terminal.signals import stopping

    console = Console(quiet, verbose, json, no_progress)
    night = Tonight.of(out, report_file or (beside(out, ".html") if report else None))
    out, page = night.out, night.page
    require_apart({"--out": out, "--report-file": page, "--log-file": log_file})
    if page is not None:
        require_page(page)  # now, and not after a night's scan
    set_up_logging(console, log_file)
    budget = FailureBudget.parse(max_failures)
    if shadow:
        find_engine(shadow)  # a slip is said now
    from_file = getattr(ctx.get_parameter_source("engine"), "name", "") == "DEFAULT_MAP"
    choice = choose(engine, "xscan.toml" if from_file else "--engine")
    if choice.passed_over:
        console.warn(choice.passed_over)
    if rebuild:
        rebuild_if_needed(choice.path, console.say)
    for doubt in doubts(choice.path):
        console.warn(doubt)
    what = named(films)
    settings = BatchSettings(
        folder=what.folder,
        only=what.only,
        out=out,
        engine=choice.path,
        chosen_by=choice.by,
        engine_may_change=not choice.named,
        workers=workers or usable_cores(),
        batch_size=batch_size,
        limits=Limits(int(max_megapixels * 1e6), int(max_megabytes * 2**20)),
        file_seconds=file_timeout,
        restart=restart,
        follow_links=follow_links,
        allow_shrink=allow_shrink,
        shard=Shard.parse(shard),
        formats=check_formats(f.value for f in format or ()),
        points=wishes(rule_out, rule_in),
        mend=mend,
        page=page,
        page_lang=lang.value,
        thumbnails=thumbnails,
        order=study_facts,
        viewer=viewer(),
        large_bytes=large_bytes(),
        state=state(),
    )
    with stopping() as stop, following(console, what, follow_links) as progress:
        summary = night.run(settings, stop, progress, console)
        if shadow and not summary.interrupted:
            night.shadow(settings, find_engine(shadow), stop, console)
    if json:
        console.result(summary.as_dict() | {"csv": str(out)}, "")
    if summary.interrupted:
        console.say(f"interrupted after {summary.files} files: run the same command again to carry on")
        raise typer.Exit(130)
    console.say(summary_table(summary, out, settings.page))
    if page is None and not summary.unchanged and (older := beside(out, ".html")).exists():
        from xscan.engine.machine.install import shell_line

        again = shell_line("xscan", "report", str(out), str(what.folder), f"--out={older}")
        console.warn(f"{older} shows an earlier list: add --report, or make it anew with {again}")
    if summary.scored + summary.status["failed"] == 0:
        console.warn(f"no radiographs in {films[0] if len(films) == 1 else 'any of these'}")
    if summary.scored < min_files:
        raise UsageError(f"only {plural(summary.scored, 'radiograph')} scored, fewer than --min-files {min_files}")
    if budget.exceeded(summary.status["failed"], summary.scored + summary.status["failed"]):
        console.warn(f"{plural(summary.status['failed'], 'film')} failed, more than --max-failures {max_failures}")
        raise typer.Exit(3)
