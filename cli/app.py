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
app.command()(merge.merge)
app.command()(report.report)
app.command()(triage.triage)
app.command()(audit.audit)
app.add_typer(data.app, name="data")
app.command()(train.train)
app.command()(sweep.sweep)
app.command()(export.export)
app.command()(fit_gate.fit_gate)
app.command()(evaluate.evaluate)
app.command()(compare.compare)
app.command()(explain.explain)
app.command()(build_engine.build_engine)
app.add_typer(engine.app, name="engine")
app.command()(bench.bench)
app.command()(phantom.phantom)
app.command()(inspect.inspect)
app.command()(doctor.doctor)
app.add_typer(config_show.app, name="config")
app.add_typer(schedule.app, name="schedule")


@app.callback(invoke_without_command=True)
def root(
    config: Annotated[Path | None, typer.Option(help="Settings file to use in place of xscan.toml.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    # SettingsGroup has read `config` already: it is needed before a command's options are parsed.
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"xscan {installed('xscan')}")
        raise typer.Exit
