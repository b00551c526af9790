"""What libraries say of a film on their own account is not said: it could hold a header's text."""

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager

_LIBRARIES = ("highdicom", "pydicom", "pynetdicom", "dicomweb_client", "urllib3")


@contextmanager
def hushed() -> Generator[None]:
    """Neither a warning nor a log line of a library. A context manager, or a decorator.

    It holds for the whole process: where several threads use it, one is needed around all of them.
    """
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
