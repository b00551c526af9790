"""Which signals a worker leaves to its parent."""

import signal


def leave_ending_to_parent(*, terminate: bool = False) -> None:
    """Ctrl-C and a closed terminal reach every process of it; the parent lets the batch in hand finish.

    terminate: SIGTERM, too, for a process that ends with its parent and is not to end before it.
    """
    for name in ("SIGINT", "SIGHUP", *(("SIGTERM",) if terminate else ())):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
