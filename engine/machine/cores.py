"""How many processor cores a run may use."""


def usable_cores() -> int:
    import os

    if hasattr(os, "sched_getaffinity"):  # Linux: a container or taskset may allow fewer than there are
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
