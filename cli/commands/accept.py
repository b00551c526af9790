"""`xscan accept`: acceptance on site."""

from pathlib import Path
from typing import Annotated

import typer

from xscan.engine.machine.cores import usable_cores

from ..settings.state import state
from ..terminal.console import Console
from ..terminal.options import Json, NoProgress, Quiet, TrainedToo, Verbose


def accept(
    folder: Annotated[Path, typer.Argument(help="Films of this site, as its export writes them.")],
    truth: Annotated[
        Path, typer.Option(help="CSV: file (or sop_uid, study_uid), truth[, patient]; as for xscan audit.")
    ],
    engine: Annotated[str, typer.Option(metavar="ENGINE", help="Default: the one that batch takes here.")] = "",
    by: Annotated[str, typer.Option(help="Who is responsible; stands in the report.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the reports. Default: acceptance, in the state folder.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say how many films it takes, and score none.")] = False,
    new_network: Annotated[
        bool, typer.Option("--new-network", help="Another engine than at the last acceptance is meant.")
    ] = False,
    trained_too: TrainedToo = False,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one a core.")] = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    no_progress: NoProgress = False,
) -> None:
    """Does this installation, on this machine, with these films, do what its manifest promises? Exit code 3 if not.

    The limits are written in docs/acceptance.md. The report (JSON, HTML) is dated, and bears a hash that stands in
    the audit log, too. Run it again after every update: it is compared with the last one.
    """
    from xscan.calibration.site import last_report, needed, write
    from xscan.engine.batch.run import run_batch
    from xscan.engine.batch.settings import BatchSettings
    from xscan.engine.disk.scratch import scratch
    from xscan.engine.find.named import Named
    from xscan.engine.nights.audit_log import append
    from xscan.engine.nights.state import make_folder
    from xscan.engine.runtime.choose import choose
    from xscan.engine.runtime.open import manifest_of_engine

    from ..nightly.on_site import report_of_films, truth_of
    from ..terminal.batch_summary import following
    from ..terminal.signals import stopping

    console = Console(quiet, verbose, json, no_progress)
    choice = choose(engine)
    manifest = manifest_of_engine(choice.path)
    key, sick, patients = truth_of(truth)
    wanted = needed(manifest)
    have = {"pneumonia": sum(sick.values()), "normal": len(sick) - sum(sick.values())}
    for kind, number in wanted.items():
        enough = f"about {number}, each of another patient, would show the limits"
        console.say(f"{kind}: {have[kind]} in {truth.name}; {enough}")
    if plan:
        console.result({"needed": wanted, "given": have}, "")
        return
    reports = out or state() / "acceptance"
    make_folder(reports)
    before = last_report(reports)
    with scratch() as place, stopping() as stop:
        workers = workers or usable_cores()
        settings = BatchSettings(folder, place / "accept.csv", choice.path, workers, chosen_by=choice.by)
        with following(console, Named(folder)) as progress:
            summary = run_batch(settings, stop, progress, console.warn)
        if summary.interrupted:
            raise typer.Exit(130)
        report = report_of_films(
            settings, summary, manifest, (key, sick, patients), before, by=by, new=new_network, trained_too=trained_too
        )
    written = write(report, reports)
    digest = report.as_dict()["sha256"]
    append(state(), "accept", {"outcome": report.outcome, "report_sha256": digest, "engine": summary.engine, "by": by})
    console.result(report.as_dict(), report.as_text())
    console.say(f"report: {written[1]}")
    if report.outcome != "passed":
        raise typer.Exit(3)
