"""The Typer app. Command modules import their heavy needs inside the call, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated

import typer

from .commands import (
    audit,
    batch,
    bench,
    build_engine,
    compare,
    data,
    doctor,
    engine,
    evaluate,
    explain,
    export,
    fit_gate,
    inspect,
    listen,
    merge,
    phantom,
    report,
    schedule,
    sweep,
    train,
    triage,
)
from .commands import config as config_show
from .settings.file import SettingsGroup

app = typer.Typer(
    cls=SettingsGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would double the time of --help
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Night-time triage of chest radiographs: a folder in, a list of priorities and a page sorted by urgency out.",
)
app.command()(batch.batch)
app.command(short_help="Receive films from the PACS, and score them.")(listen.listen)
app.command()(merge.merge)
app.command(short_help="Make the morning page of a list.")(report.report)
app.command(short_help="Sort a finished list by other operating points.")(triage.triage)
app.command(short_help="Compare lists with what readers found.")(audit.audit)
app.add_typer(data.app, name="data")
app.command(short_help="Train a network.")(train.train)
app.command(short_help="Train a recipe's networks, and choose one.")(sweep.sweep)
app.command(short_help="Export a trained network to ONNX.")(export.export)
app.command(short_help="Teach a network which films it may not decide on.")(fit_gate.fit_gate)
app.command(short_help="Measure a network on labelled films.")(evaluate.evaluate)
app.command(short_help="Compare two networks on the same films.")(compare.compare)
app.command(short_help="Where in the films a network sees what it says.")(explain.explain)
app.command(short_help="Build an engine for this machine.")(build_engine.build_engine)
app.add_typer(engine.app, name="engine")
app.command(short_help="Measure how fast an engine is here.")(bench.bench)
app.command(short_help="Draw synthetic chest radiographs.")(phantom.phantom)
app.command(short_help="Show what the scanner sees in one file.")(inspect.inspect)
app.command(short_help="Say what this machine has and what is missing.")(doctor.doctor)
app.add_typer(config_show.app, name="config")
app.add_typer(schedule.app, name="schedule")


@app.callback(invoke_without_command=True)
def root(
    config: Annotated[Path | None, typer.Option(help="Settings file to use in place of xscan.toml.")] = None,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and leave.")] = False,
) -> None:
    # SettingsGroup has read `config` already: it is needed before a command's options are parsed.
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"xscan {installed('xscan')}")
        raise typer.Exit
