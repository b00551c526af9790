"""Which signals a worker leaves to its parent."""

import signal


def leave_ending_to_parent() -> None:
    """Ctrl-C and a closed terminal reach every process of it; the parent lets the batch in hand finish."""
    for name in ("SIGINT", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
