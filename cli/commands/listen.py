"""`xscan listen`: films from the PACS, scored as they come."""

from pathlib import Path
from typing import Annotated

import typer

from xscan.engine.machine.cores import usable_cores

from ..settings.points import wishes
from ..settings.state import state as history_folder
from ..settings.viewer import viewer
from ..terminal.console import Console
from ..terminal.groups import HELP_ALL, HOW, RARE, WHERE, WRITE
from ..terminal.logs import set_up_logging
from ..terminal.options import Json, Quiet, Verbose
from ..terminal.scan_options import LogFile, MaxMegabytes, MaxMegapixels, Mend, RuleIn, RuleOut, StudyFacts, Workers

#: What `xscan listen --help` shows; --help-all shows all.
BRIEF = ("aet", "port", "caller", "store", "out", "report", "send", "settle", "engine", "help_all")


def listen(
    ctx: typer.Context,
    aet: Annotated[
        str, typer.Option(help="Our AE title: who calls another one is refused.", rich_help_panel=WHERE)
    ] = "XSCAN",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="TCP port; 0: any that is free.", rich_help_panel=WHERE)
    ] = 11112,
    store: Annotated[
        Path, typer.Option(help="Folder for the films; made if it is not there.", rich_help_panel=WRITE)
    ] = Path("received"),
    out: Annotated[Path, typer.Option(help="The list to write.", rich_help_panel=WRITE)] = Path("triage.csv"),
    caller: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="AET",
            help="AE title that may send; may be given again. None: this machine.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    bind: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on. Default: with --from every one, else loopback.",
            rich_help_panel=WHERE,
        ),
    ] = "",
    state: Annotated[
        Path | None,
        typer.Option(help="xscan's own folder, on the store's disk. Default: STORE.state.", rich_help_panel=WRITE),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="TLS: our certificate, PEM.", rich_help_panel=WHERE)] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="TLS: its key, PEM without a password.", rich_help_panel=WHERE)
    ] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="TLS: who has signed the certificates of callers, PEM.", rich_help_panel=WHERE)
    ] = None,
    secondary_capture: Annotated[
        bool,
        typer.Option(
            "--secondary-capture", help="Take secondary captures, too, as old digitisers send.", rich_help_panel=WHERE
        ),
    ] = False,
    settle: Annotated[
        float, typer.Option(min=1, help="Seconds without a film until a study is complete.", rich_help_panel=WHERE)
    ] = 60,
    settle_latest: Annotated[
        float,
        typer.Option(min=1, help="Seconds that a study may go on arriving before it is scored.", rich_help_panel=WHERE),
    ] = 1800,
    keep_days: Annotated[
        float,
        typer.Option(
            min=0,
            help="Remove scored films this long after their study's last one; 0: keep all.",
            rich_help_panel=RARE,
        ),
    ] = 0,
    min_free: Annotated[
        float, typer.Option(min=0, help="Gigabytes of the disk to leave free (0xA700).", rich_help_panel=RARE)
    ] = 2,
    max_megabytes: MaxMegabytes = 512,
    associations: Annotated[int, typer.Option(min=1, max=256, help="Associations at once.", rich_help_panel=RARE)] = 16,
    idle: Annotated[
        float, typer.Option(min=1, help="Seconds of silence that end an association.", rich_help_panel=RARE)
    ] = 60,
    engine: Annotated[
        str,
        typer.Option(
            help="An engine file, or a shipped network's name. Default: what build-engine made here.",
            rich_help_panel=HOW,
        ),
    ] = "",
    workers: Workers = 0,
    max_megapixels: MaxMegapixels = 100,
    rule_out: RuleOut = "",
    rule_in: RuleIn = "",
    mend: Mend = False,
    report: Annotated[
        bool,
        typer.Option("--report", help="Make the morning page, too: NAME.html beside the list.", rich_help_panel=WRITE),
    ] = False,
    study_facts: StudyFacts = False,
    send: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Send the results to [pacs.NAME] of xscan.toml; may be given again.",
            rich_help_panel=WRITE,
        ),
    ] = None,
    log_file: LogFile = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    help_all: Annotated[bool, HELP_ALL] = False,
) -> None:
    """Receive radiographs from the PACS (C-STORE), and score each study as it settles.

    A film is on the disk before its sender is told so. The list is the one that xscan batch makes of the store.
    Ends with Ctrl-C or SIGTERM; the same command again carries on. Needs the extra pacs.
    """
    from xscan.engine.machine.install import require

    require("pynetdicom", *(("highdicom",) if send else ()))
    from xscan.engine.batch.settings import BatchSettings
    from xscan.engine.disk.overwrite import require_apart, require_page
    from xscan.engine.errors import UsageError
    from xscan.engine.lists.table import beside
    from xscan.engine.nights.dated import check, has_date
    from xscan.engine.pacs.delivery import Delivery
    from xscan.engine.pacs.send import require_libraries
    from xscan.engine.pacs.service import serve
    from xscan.engine.pacs.settings import ListenSettings, Tls
    from xscan.engine.read.film import Limits
    from xscan.engine.runtime.choose import choose
    from xscan.engine.runtime.fits import doubts

    from ..settings.pacs import destination
    from ..terminal.batch_summary import plural
    from ..terminal.signals import stopping

    console = Console(quiet, verbose, json)
    if has_date(out):
        raise UsageError("--out: the list of a listener is one list, without {date}")
    check(out)
    page = beside(out, ".html") if report else None
    require_apart({"--out": out, "--log-file": log_file})
    if page is not None:
        require_page(page)
    set_up_logging(console, log_file)
    tls = None
    if tls_cert and tls_key and tls_ca:
        tls = Tls(tls_cert, tls_key, tls_ca)
        tls.context()  # now, and not in another process
    elif tls_cert or tls_key or tls_ca:
        raise UsageError("TLS needs all three of --tls-cert, --tls-key and --tls-ca")
    store = store.absolute()
    settings = ListenSettings(
        store=store,
        state=(state or store.with_name(store.name + ".state")).absolute(),
        aet=aet,
        port=port,
        bind=bind,
        callers=tuple(caller or ()),
        tls=tls,
        secondary_capture=secondary_capture,
        floor=int(min_free * 1e9),
        most=int(max_megabytes * 2**20),
        quiet=settle,
        longest=settle_latest,
        keep=keep_days * 86400,
        associations=associations,
        idle=idle,
    )
    from_file = getattr(ctx.get_parameter_source("engine"), "name", "") == "DEFAULT_MAP"
    choice = choose(engine, "xscan.toml" if from_file else "--engine")
    if choice.passed_over:
        console.warn(choice.passed_over)
    for doubt in doubts(choice.path):
        console.warn(doubt)
    batch = BatchSettings(
        folder=store,
        out=out,
        engine=choice.path,
        chosen_by=choice.by,
        engine_may_change=not choice.named,
        workers=workers or usable_cores(),
        limits=Limits(int(max_megapixels * 1e6), int(max_megabytes * 2**20)),
        points=wishes(rule_out, rule_in),
        mend=mend,
        page=page,
        order=study_facts,
        viewer=viewer(),
        state=history_folder(),
        kind="listen",
    )
    destinations = [destination(name) for name in dict.fromkeys(send or ())]
    for one in destinations:
        require_libraries(one)
    with (
        stopping() as stop,
        Delivery(settings.state, store, out, destinations, choice.path, history_folder(), console.warn) as delivery,
    ):
        tally = serve(
            settings,
            batch,
            stop,
            listening=lambda at: console.say(f"listening as {settings.aet} on {settings.address}, port {at}"),
            tell=console.warn,
            scored=delivery.put,
            tick=delivery.look,
            told=lambda settled, summary: console.detail(
                f"{plural(len(settled), 'study', 'studies')} scored, {plural(summary.files, 'file')} in {out}"
            ),
        )
    journal = tally.journal
    console.result(
        {"store": str(store), "csv": str(out), "studies_scored": tally.studies, "superseded": tally.superseded}
        | {"journal": journal},
        f"{plural(journal['films'], 'film')} of {plural(journal['studies'], 'study', 'studies')} in {store}: "
        f"{journal['arriving']} arriving, {journal['waiting']} waiting for scores; list: {out}",
    )
