"""`xscan archive`: millions of films on a Ray cluster, with a batch's answers."""

from pathlib import Path
from typing import Annotated

import typer

from xscan.engine.machine.cores import usable_cores

from ..settings.points import wishes
from ..settings.state import state
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
)

#: What `xscan archive --help` shows; --help-all shows all.
BRIEF = ("source", "out", "address", "engine", "dry_run", "max_failures", "help_all")


def archive(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(help="Folder, share or s3://BUCKET/PREFIX, zips included; or a Parquet inventory of one.")
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="PLACE", help="Folder for the list; made if missing.", rich_help_panel=WRITE),
    ],
    address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The cluster: ray://HOST:10001 or HOST:6379; local: this machine alone.",
            rich_help_panel=WHERE,
        ),
    ] = "local",
    follow_links: FollowLinks = False,
    engine: Annotated[
        str,
        typer.Option(
            metavar="ENGINE",
            help="Network or engine; the same file on every node.",
            show_default="as batch's; on a cluster compact",
            rich_help_panel=HOW,
        ),
    ] = "",
    rule_out: RuleOut = "",
    rule_in: RuleIn = "",
    mend: Mend = False,
    workers: Annotated[
        int, typer.Option(min=0, help="With --address local: actors; 0: one a core.", rich_help_panel=HOW)
    ] = 0,
    actor_cpus: Annotated[
        float, typer.Option(min=0.01, help="Cores of an actor, and its workers.", rich_help_panel=HOW)
    ] = 1.0,
    actor_gpus: Annotated[
        float,
        typer.Option(
            min=0, help="GPUs of an actor; 1: one owns a card, its engine built on first use.", rich_help_panel=HOW
        ),
    ] = 0.0,
    batch_size: BatchSize = 8,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List the source, say what a scan would cost, and end.", rich_help_panel=RUN),
    ] = False,
    max_failures: MaxFailures = "0",
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Start over: drop inventory, parts and list.", rich_help_panel=RUN),
    ] = False,
    log_file: LogFile = None,
    block: Annotated[
        int,
        typer.Option(min=0, max=16384, help="Films given to an actor at once; 0: by number.", rich_help_panel=RARE),
    ] = 0,
    max_megapixels: MaxMegapixels = 100,
    max_megabytes: MaxMegabytes = 512,
    file_timeout: FileTimeout = 120,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
    help_all: Annotated[bool, HELP_ALL] = False,
) -> None:
    """Scan an archive on many machines; the list is the one that a batch makes, byte for byte.

    PLACE/triage.csv and triage.parquet are the list; PLACE/archive is what the same command, run again, carries on
    from. Every node sees SOURCE at the same place and has the same xscan.

    Exit codes: 0 done; 2 usage; 3 more failed films than --max-failures; 4 no usable engine; 5 disk full, or share or
    cluster lost; 130 interrupted.
    """
    from xscan.engine.batch.budget import FailureBudget
    from xscan.engine.batch.settings import BatchSettings
    from xscan.engine.machine.install import require
    from xscan.engine.network.models import DEFAULT
    from xscan.engine.network.sidecar import is_built
    from xscan.engine.read.film import Limits
    from xscan.engine.runtime.choose import SHIPPED, Choice, choose
    from xscan.engine.runtime.open import find_engine

    from ..terminal.archive_progress import plan_text, watching
    from ..terminal.batch_summary import plural, summary_table
    from ..terminal.signals import stopping

    console = Console(quiet, verbose, json, no_progress)
    require("ray", "pyarrow")
    from xscan.engine.archive.bucket import SCHEME, Bucket
    from xscan.engine.archive.run import plan_archive, run_archive
    from xscan.engine.archive.settings import LOCAL, ArchiveSettings

    set_up_logging(console, log_file)
    budget = FailureBudget.parse(max_failures)
    from_file = getattr(ctx.get_parameter_source("engine"), "name", "") == "DEFAULT_MAP"
    if engine or address == LOCAL:
        choice = choose(engine, "xscan.toml" if from_file else "--engine")
    else:
        choice = Choice(find_engine(DEFAULT), SHIPPED)  # what every node has
    if choice.passed_over:
        console.warn(choice.passed_over)
    batch = BatchSettings(
        folder=Path(source),
        out=out / "triage.csv",
        engine=choice.path,
        chosen_by=choice.by,
        workers=workers or usable_cores(),
        batch_size=batch_size,
        limits=Limits(int(max_megapixels * 1e6), int(max_megabytes * 2**20)),
        file_seconds=file_timeout,
        restart=restart,
        follow_links=follow_links,
        points=wishes(rule_out, rule_in),
        mend=mend,
        state=state(),
        kind="archive",
    )
    bucket = Bucket(source).url if source.startswith(SCHEME) else ""
    build = None
    if actor_gpus and not is_built(choice.path):
        from xscan.calibration.build_engine.on_node import engine_here as build
    settings = ArchiveSettings(batch, out, address, actor_cpus, actor_gpus, block, bucket, build)
    if dry_run:
        with stopping() as stop, watching(console) as watch:
            plan = plan_archive(settings, stop, watch, console.say)
        if plan is None:
            console.say("interrupted: run the same command again to carry on")
            raise typer.Exit(130)
        console.result(plan.as_dict(), plan_text(plan))
        return
    with stopping() as stop, watching(console) as watch:
        summary = run_archive(settings, stop, watch, console.say)
    if json:
        console.result(summary.as_dict() | {"csv": str(batch.out)}, "")
    if summary.interrupted:
        console.say("interrupted: run the same command again to carry on")
        raise typer.Exit(130)
    console.say(summary_table(summary, batch.out, None))
    if budget.exceeded(summary.status["failed"], summary.scored + summary.status["failed"]):
        console.warn(f"{plural(summary.status['failed'], 'film')} failed, more than --max-failures {max_failures}")
        raise typer.Exit(3)
