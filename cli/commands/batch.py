"""`xscan batch`: a folder in, a triage list out."""

from pathlib import Path
from typing import Annotated

import typer

from xscan.engine.machine.cores import usable_cores

from ..notify import notifies
from ..settings.points import wishes
from ..settings.viewer import viewer
from ..terminal.choices import Language, ListFormat
from ..terminal.console import Console
from ..terminal.logs import set_up_logging
from ..terminal.options import Json, NoProgress, Quiet, Verbose


@notifies
def batch(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder to scan, with all its sub-folders and zips.")],
    out: Annotated[Path, typer.Option(help="The list to write.")] = Path("triage.csv"),
    engine: Annotated[
        str, typer.Option(help="An engine file, or a shipped network's name. Default: what build-engine made here.")
    ] = "",
    batch_size: Annotated[int, typer.Option(min=1, max=256, help="Films given to the network at once.")] = 8,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one a core.")] = 0,
    max_failures: Annotated[str, typer.Option(help="Failed films that are still a success: 5, or 2%.")] = "0",
    min_files: Annotated[int, typer.Option(min=0, help="Fewer radiographs than this are an error (exit code 2).")] = 0,
    max_megapixels: Annotated[float, typer.Option(min=0.001, help="Larger films are refused.")] = 100,
    max_megabytes: Annotated[float, typer.Option(min=0.001, help="Larger files are refused.")] = 512,
    file_timeout: Annotated[float, typer.Option(min=1, help="Seconds that one file may take.")] = 120,
    shard: Annotated[str, typer.Option(help="This machine's part of the folder: 1/4 to 4/4 for four.")] = "1/1",
    format: Annotated[list[ListFormat] | None, typer.Option(help="Formats beside the CSV; may be given twice.")] = None,
    rule_out: Annotated[
        str, typer.Option(help="Below it: routine. sensitivity=0.99, specificity=0.9 or threshold=0.1.")
    ] = "",
    rule_in: Annotated[str, typer.Option(help="From it: urgent. Written in the same way.")] = "",
    report: Annotated[
        bool, typer.Option("--report", help="Make the morning page, too: NAME.html beside the list.")
    ] = False,
    report_file: Annotated[Path | None, typer.Option(help="Make the morning page here.")] = None,
    lang: Annotated[Language, typer.Option(help="Language that the page opens in.")] = Language.en,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails/--no-thumbnails", help="Small pictures of the films in the page.")
    ] = True,
    mend: Annotated[
        bool, typer.Option("--mend", help="Set films right that surely stand turned or inverted; they stay for review.")
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build the engine again where it does not fit this machine.")
    ] = False,
    follow_links: Annotated[
        bool, typer.Option("--follow-links", help="Follow links that lead out of the folder, too.")
    ] = False,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Drop the list's films also where an empty or lost folder held most.")
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Start over: drop the list of earlier runs.")] = False,
    log_file: Annotated[Path | None, typer.Option(help="Append log lines to this file; no names, no paths.")] = None,
    notify: Annotated[
        str, typer.Option(metavar="CMD", help="Run this if the exit code is not 0; the run report's path is added.")
    ] = "",
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Scan a folder of radiographs into a triage list.

    The same command run again carries on: it scores films that are new, changed or had failed.
    Exit codes: 0 done; 2 usage; 3 more failed films than --max-failures; 4 no usable engine; 5 disk full or
    share lost; 130 interrupted.
    """
    from xscan.engine.batch.budget import FailureBudget
    from xscan.engine.batch.run import run_batch
    from xscan.engine.batch.settings import BatchSettings
    from xscan.engine.disk.overwrite import require_apart, require_page
    from xscan.engine.errors import UsageError
    from xscan.engine.find.shard import Shard
    from xscan.engine.lists.formats import check_formats
    from xscan.engine.lists.table import beside
    from xscan.engine.read.film import Limits
    from xscan.engine.runtime.choose import choose
    from xscan.engine.runtime.fits import doubts
    from xscan.engine.runtime.rebuild import rebuild_if_needed

    from ..terminal.batch_summary import following, plural, summary_table
    from ..terminal.signals import stopping

    console = Console(quiet, verbose, json, no_progress)
    page = report_file or (beside(out, ".html") if report else None)
    require_apart({"--out": out, "--report-file": page, "--log-file": log_file})
    if page is not None:
        require_page(page)  # now, and not after a night's scan
    set_up_logging(console, log_file)
    budget = FailureBudget.parse(max_failures)
    from_file = getattr(ctx.get_parameter_source("engine"), "name", "") == "DEFAULT_MAP"
    choice = choose(engine, "xscan.toml" if from_file else "--engine")
    if choice.passed_over:
        console.warn(choice.passed_over)
    if rebuild:
        rebuild_if_needed(choice.path, console.say)
    for doubt in doubts(choice.path):
        console.warn(doubt)
    settings = BatchSettings(
        folder=folder,
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
        viewer=viewer(),
    )
    with stopping() as stop, following(console, folder, follow_links) as progress:
        summary = run_batch(settings, stop, progress, console.warn)
    if json:
        console.result(summary.as_dict() | {"csv": str(out)}, "")
    if summary.interrupted:
        console.say(f"interrupted after {summary.files} files: run the same command again to carry on")
        raise typer.Exit(130)
    console.say(summary_table(summary, out, settings.page))
    if page is None and not summary.unchanged and (older := beside(out, ".html")).exists():
        console.warn(f"{older} shows an earlier list: xscan report {out} makes it anew, or add --report")
    if summary.scored + summary.status["failed"] == 0:
        console.warn(f"no radiographs in {folder}")
    if summary.scored < min_files:
        raise UsageError(f"only {plural(summary.scored, 'radiograph')} scored, fewer than --min-files {min_files}")
    if budget.exceeded(summary.status["failed"], summary.scored + summary.status["failed"]):
        console.warn(f"{plural(summary.status['failed'], 'film')} failed, more than --max-failures {max_failures}")
        raise typer.Exit(3)
