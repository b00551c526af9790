"""What is missing where a command needs an extra that is not installed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xscan.engine.errors import UsageError
from xscan.engine.machine.install import install_line


@contextmanager
def needs_train() -> Iterator[None]:
    """Around the imports of commands that need Keras: names the extra if absent, lets nothing out on stderr."""
    import logging

    for name in ("tensorflow", "absl", "tf2onnx"):  # they log to stderr, at any time
        logging.getLogger(name).setLevel(logging.ERROR)
    with names_extra(), _silent():
        yield
        if "tensorflow" in sys.modules:
            sys.modules["tensorflow"].constant(0)  # it says once more that oneDNN is on


@contextmanager
def names_extra() -> Iterator[None]:
    """Around work that may import Keras or matplotlib in the middle: names the extra if absent."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("xscan"):
            raise
        advice = install_line((error.name or "").partition(".")[0])
        if error.name == "tensorflow":
            advice += ", or train with what there is: KERAS_BACKEND=torch"
        raise UsageError(f"this needs {error.name}: {advice}") from None


def plots(*outputs: Path | None) -> tuple[str, ...]:
    """What drawing these files needs, for `require`."""
    return ("matplotlib",) if any(output is not None for output in outputs) else ()


def converted(*models: str) -> tuple[str, ...]:
    """What running these networks needs, for `require`: a Keras file becomes ONNX first."""
    return ("keras", "tensorflow", "tf2onnx") if any(model.endswith(".keras") for model in models) else ()


@contextmanager
def _silent() -> Iterator[None]:
    """TensorFlow writes to the file descriptor, before any setting of its own can stop it."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
