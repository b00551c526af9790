"""The commands by panel, and the Typer app. A command is imported when it is called, so that `--help` is quick.

A new command: a file in commands/ with a function of its name (or an `app` with sub-commands), and a line below.
"""

from pathlib import Path
from typing import Annotated

import typer

from .settings.file import SettingsGroup
from .terminal.groups import Panels

PANELS: Panels = {
    "Every night": {
        "batch": "Scan films into a triage list.",
        "report": "Make the morning page of a list.",
        "triage": "Sort a finished list by other operating points.",
        "merge": "Join the lists of several machines into one.",
        "schedule": "Run a batch every night; tell of bad nights.",
        "history": "What earlier nights did.",
        "monitor": "Say whether anything is out of its limits.",
        "log": "Look at the audit log, and prove it whole.",
    },
    "The PACS": {
        "listen": "Receive films from the PACS and keep the list going.",
        "fetch": "Fetch new films from a PACS, and scan them.",
        "send": "Send the results of a list to a PACS.",
        "pacs": "Test the way to a PACS.",
    },
    "A closer look": {
        "inspect": "Show what is seen in one film, and what is said of it.",
        "audit": "Compare lists with what readers found.",
        "accept": "Does it do here what its manifest promises?",
    },
    "Many machines": {
        "archive": "Scan an archive of millions on a Ray cluster.",
    },
    "This machine": {
        "doctor": "Say what this machine can do, and what is missing.",
        "build-engine": "Build a quicker engine for this machine.",
        "engine": "Look at engines, and choose one.",
        "bench": "Measure how fast an engine is here.",
        "config": "Show the settings, and where each came from.",
    },
    "Networks of your own": {
        "data": "Describe, pack and split a labelled data set.",
        "train": "Train a network.",
        "sweep": "Train a recipe's networks, and choose one.",
        "export": "Export a trained network to ONNX.",
        "fit-gate": "Teach a network which films it may not decide on.",
        "evaluate": "Measure a network on labelled films.",
        "compare": "Compare two networks on the same films.",
        "explain": "Where in the films a network sees what it says.",
    },
    "Rarely": {
        "phantom": "Draw synthetic chest radiographs.",
        "completion": "Print what a shell needs to complete commands.",
    },
}


class Root(SettingsGroup):
    package = "xscan.cli.commands"
    panels = PANELS


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich would double the time of --help
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Night-time triage of chest radiographs: a folder in, a list of priorities and a page sorted by urgency out.",
)


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
