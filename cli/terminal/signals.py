"""Ending a run in good order when it is interrupted."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM or a closed terminal sets; a second one ends the process at once."""
    stop = threading.Event()

    def ask(number: int, _: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGBREAK if os.name == "nt" else signal.SIGHUP]
    if os.name != "nt" and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # nohup: it is to outlive its terminal
        signals.remove(signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
