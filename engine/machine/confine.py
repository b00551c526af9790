"""Limits that a worker process lays upon itself, so that one file cannot take the machine's memory.

Windows has no such call (a job object would be needed), and macOS does not keep to a limit on address space: there a
file that wants more memory than the machine has ends its worker, as everywhere, but the machine may be slow before.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

#: Bytes of address space for each pixel that a film may have. Honest films take at most 19 (a PNG of 100 megapixels
#: with colour and alpha in 16 bits).
BYTES_A_PIXEL = 24
SPARE = 256 * 2**20  #: libraries that a film loads, and their threads' stacks
OPEN_FILES = 256
WRITTEN = 8 * 2**30  #: bytes of one file: small pictures of two million films


def has_memory_limit() -> bool:
    """Whether this system holds a process to a limit on its address space."""
    return sys.platform.startswith("linux")


def limit_files(writes: bool) -> None:
    """No core file, few open files, and no file written (but, with `writes`, the worker's own small pictures).

    Does nothing on Windows. For good: a process cannot take these limits off again.
    """
    try:
        import resource
    except ImportError:
        return
    wanted = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: OPEN_FILES}
    if not os.environ.get("XSCAN_TRACEBACK"):  # which may go to a file
        wanted[resource.RLIMIT_FSIZE] = WRITTEN if writes else 0
    for which, most in wanted.items():
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


class MemoryLimit:
    """Holds the reading of a film to an allowance of address space above what the process has without it.

    With `reading()` around each film: what runs the network between them is our own, and may take what it needs.
    """

    def __init__(self, max_pixels: int, max_bytes: int) -> None:
        self._allowance = max_pixels * BYTES_A_PIXEL + max_bytes + SPARE
        self._limit = self._most = 0
        self.grown(1)

    def grown(self, films: int) -> None:
        """The network has taken `films` at once: what it took of memory for more than ever before is not a film's."""
        if films > self._most and has_memory_limit():
            self._most = films
            self._limit = _address_space() + self._allowance

    @contextmanager
    def reading(self) -> Generator[None]:
        """Inside, taking more memory raises MemoryError or makes a decoder fail."""
        if not self._limit:
            yield
            return
        import resource

        before = resource.getrlimit(resource.RLIMIT_AS)
        limit = self._limit
        for other in before:  # of a container or a unit
            limit = limit if other == resource.RLIM_INFINITY else min(limit, other)
        resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)


def _address_space() -> int:
    """Bytes of this process's address space now; proc(5), statm."""
    with open("/proc/self/statm", "rb") as stream:
        return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
