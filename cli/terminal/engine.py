"""The engine of a command that names none: the one that a batch takes here, so that what is measured is what runs."""

from pathlib import Path
from typing import TYPE_CHECKING

from .console import Console

if TYPE_CHECKING:
    from xscan.engine.runtime.choose import Choice


def named_or_taken(engine: str, console: Console) -> "Choice":
    """What is named, else what `xscan batch` would take; what it passes over is said. Raises EngineError."""
    from xscan.engine.runtime.choose import choose

    choice = choose(engine)
    if choice.passed_over:
        console.warn(choice.passed_over)
    return choice


def model_and_films(model: str, data: Path | None, console: Console) -> tuple[str, Path | None]:
    """MODEL and DATA, where MODEL may have been left out: then the one folder that was given is DATA.

    Raises UsageError, EngineError.
    """
    from xscan.engine.errors import UsageError

    if not model:
        raise UsageError("give a folder of labelled films, or a network and such a folder")
    if data is not None or not Path(model).is_dir():
        return model, data
    from .batch_summary import engine_text

    choice = named_or_taken("", console)
    console.say(f"engine: {engine_text(choice.as_dict())}")
    return str(choice.path), Path(model)
