"""What is missing where a command needs an extra that is not installed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from xscan.engine.errors import UsageError


@contextmanager
def needs_train() -> Iterator[None]:
    """Around the imports of commands that need Keras: names the extra if absent, lets nothing out on stderr."""
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
        advice = f"pip install 'xscan[{'train-torch' if error.name == 'torch' else 'train'}]'"
        if error.name == "tensorflow":
            advice += ", or train with what there is: KERAS_BACKEND=torch"
        raise UsageError(f"this command needs {error.name}: {advice}") from None


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
