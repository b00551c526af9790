"""Where log lines and Python's warnings go."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xscan.engine.disk.hostile import on_a_line
from xscan.engine.errors import UsageError

from .console import Console


@contextmanager
def plain_warnings(console: Console) -> Iterator[None]:
    """Our own warnings (UserWarning) as one line of the command, those of libraries not at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=UserWarning, module=r"xscan\.")
        warnings.showwarning = lambda message, *_, **__: console.warn(str(message))
        yield


class _Plain(logging.Formatter):
    """A record is one line, whatever stands in it."""

    def format(self, record: logging.LogRecord) -> str:
        return on_a_line(super().format(record))


class _Lines(logging.Handler):
    """Log lines to where the console prints at that moment: above a progress bar while one stands."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        self.console.detail(self.format(record))


def _private(path: str, flags: int) -> int:
    """Opens a file for its owner alone, where it is new, and through no link."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def set_up_logging(console: Console, log_file: Path | None) -> None:
    """Log lines go to stderr with -v, and to `log_file`. They hold no path and nothing out of a film.

    Raises UsageError when the file cannot be written.
    """
    logger = logging.getLogger("xscan")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.raiseExceptions = False  # a log that cannot be written, on a full disk, costs the run nothing
    handlers: list[logging.Handler] = [_Lines(console)] if console.verbose and not console.quiet else []
    if log_file is not None:
        from xscan.engine.disk.overwrite import require_log
        from xscan.engine.disk.replace import require_plain

        require_plain(log_file)
        require_log(log_file)
        try:
            # Lasts as long as the process does, as its logger.
            stream = open(log_file, "a", encoding="utf-8", opener=_private)  # noqa: SIM115
            handlers.append(logging.StreamHandler(stream))
        except OSError:
            raise UsageError(f"cannot write the log {log_file}: check its folder and permissions") from None
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(_Plain("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
