"""Answering a shell that asks how a command line may go on. What asks is the script of `xscan completion`."""

import os

VARIABLE = "_XSCAN_COMPLETE"  #: set by the script; it is Typer's name for a program `xscan`


def asked() -> bool:
    return VARIABLE in os.environ


def prepare() -> None:
    """Typer knows its scripts' questions only where an app has its completion options, which would stand in --help."""
    from typer._completion_classes import completion_init

    completion_init()
