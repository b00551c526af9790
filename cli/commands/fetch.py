"""`xscan fetch`: films from a PACS into a folder, and a batch on them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..notify import notifies
from ..settings.pacs import destination, state_folder
from ..terminal.console import Console
from ..terminal.options import Json, NoProgress, Quiet, Verbose


@notifies
def fetch(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder for the films; made if it is not there.")],
    source: Annotated[str, typer.Option("--from", help="The PACS: [pacs.NAME] in xscan.toml.")],
    since: Annotated[str, typer.Option(help="First day: yesterday, today, 3d, or 2026-01-31.")] = "yesterday",
    overlap: Annotated[int, typer.Option(min=0, help="Days before it that are asked for, too: films come late.")] = 1,
    modality: Annotated[str, typer.Option(help="Modalities, separated by commas.")] = "CR,DX",
    accession_list: Annotated[
        Path | None, typer.Option(help="Instead of days: a file of accession numbers, one a line, or a table of them.")
    ] = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="Then run a batch on the folder, by [batch] of xscan.toml.")
    ] = False,
    out: Annotated[Path, typer.Option(help="The list that --scan writes.")] = Path("triage.csv"),
    report: Annotated[bool, typer.Option("--report", help="With --scan: make the morning page, too.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also films that were fetched before.")] = False,
    notify: Annotated[
        str | None, typer.Option(metavar="CMD", help="Run this after a bad end, with the run report's path.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the list of films. Default: pacs, in the folder of state.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Fetch new films from a PACS, by C-GET, C-MOVE or DICOMweb; with --scan, score them.

    The same command again carries on. Each study is counted against what the PACS says it has; what is missing is asked
    for by the next run. Exit codes: 0 all is here; 3 films are missing, or were left for the next off-peak hours; 5 the
    PACS does not answer; with --scan those of batch, too.
    """
    from xscan.engine.errors import PeerError, UsageError
    from xscan.engine.nights.dated import check
    from xscan.engine.pacs.fetch import Fetched
    from xscan.engine.pacs.fetch import fetch as run
    from xscan.engine.pacs.window import query_of

    from ..terminal.logs import set_up_logging
    from ..terminal.progress import progress
    from ..terminal.signals import stopping

    console = Console(quiet, verbose, json, no_progress)
    set_up_logging(console, None)
    come_from = destination(source)
    query = query_of(since, overlap, modality, accession_list)
    if report and not scan:
        raise UsageError("--report makes the page of a list: add --scan, or leave it out")
    batch = None
    if scan:  # what is wrong with it is said now, and not after hours of fetching
        if out.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"--out {out} is inside {folder}, which is scanned: put the list elsewhere")
        check(out)
        batch = _batch(ctx, folder, out, report, notify, console)
    with stopping() as stop, progress(console, f"from {source}") as show:

        def update(done: Fetched) -> None:
            show(done.films, note=f"{done.missing} missing" if done.missing else "")

        done, broken = Fetched(), None
        try:
            done = run(come_from, query, folder, state_folder(state), again=again, stop=stop, progress=update)
        except PeerError as error:
            if not scan:
                raise
            broken = error  # what came before, tonight or earlier, is scanned all the same
    if broken is None:
        _say(console, source, done)
    if json and not scan:
        console.result(_data(done), "")
    if stop.is_set():
        console.say("interrupted: run the same command again to carry on")
        raise typer.Exit(130)
    if batch is not None:
        try:
            with batch:
                batch.command.invoke(batch)
        except typer.Exit:
            if broken is None:
                raise
    if broken is not None:
        raise broken
    if done.missing or done.incomplete or done.left:
        raise typer.Exit(3)


def _say(console: Console, source: str, done: Any) -> None:
    from ..terminal.batch_summary import plural

    text = f"{plural(done.studies, 'study', 'studies')}, {plural(done.films, 'new film')}"
    text += f", {done.known} fetched before" if done.known else ""
    text += f", {done.missing} missing" if done.missing else ""
    console.say(text)
    for why, number in done.reasons.items():
        console.warn(f"{source}: {why} ({number})")
    if done.left:
        console.warn(f"{done.left} studies are left for the next run")


def _batch(ctx: typer.Context, folder: Path, out: Path, report: bool, notify: str | None, console: Console) -> Any:
    """`xscan batch` on what comes, by its own parser: [batch] of the settings file holds, as for any batch."""
    root = ctx.find_root()
    words = [str(folder), "--out", str(out), *(["--report"] if report else [])]
    words += ["--notify="] if notify is not None else []  # fetch itself tells, and once
    words += [flag for flag, on in (("-q", console.quiet), ("-v", console.verbose), ("--json", console.json)) if on] + (
        ["--no-progress"] if console.no_progress else []
    )
    batch = root.command.commands["batch"]  # type: ignore[attr-defined]
    return batch.make_context("batch", words, parent=root)


def _data(done: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(done)
