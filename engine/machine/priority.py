"""How much of a processor this process takes from others."""

import os
import sys


def step_back() -> None:
    """Let other processes go first; those that this one starts do so, too. Does nothing where it cannot be."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), 0x4000)  # BELOW_NORMAL_PRIORITY_CLASS
    elif hasattr(os, "nice"):
        os.nice(5)  # a third of what a process without it gets: it never starves
