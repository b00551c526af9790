"""A folder for temporary files that outlives no kill for long: the next who wants one removes it."""

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "xscan-"  # short: Ray puts sockets far below, whose paths may have 107 bytes
_LOOKED_AT = 60.0  # seconds: at most so long does the sweep of another process hold a lock that was made just now


@contextmanager
def scratch() -> Generator[Path]:
    """An empty folder of this user alone, among the system's temporary files; it goes with the block.

    A lock beside it, held by this process, says that it is in use. Folders of processes that were killed are removed.
    """
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.gettempdir()) / (_PREFIX + secrets.token_hex(4))
    with _held(_lock_of(folder), _LOOKED_AT):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(path: Path, timeout: float) -> Generator[None]:
    lock = FileLock(path, timeout=timeout, mode=0o600)
    with lock:
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows removes no file that is open: the next sweep does
                path.unlink()


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _sweep(place: Path) -> None:
    with contextlib.suppress(OSError):
        for lock in place.glob(_PREFIX + "[0-9a-f]" * 8 + ".lock"):
            folder = lock.with_suffix("")
            with contextlib.suppress(OSError, Timeout):
                if _is_own(lock, stat.S_ISREG) and (not os.path.lexists(folder) or _is_own(folder, stat.S_ISDIR)):
                    with _held(lock, 0):
                        shutil.rmtree(folder, ignore_errors=True)


def _is_own(path: Path, is_kind: Callable[[int], bool]) -> bool:
    status = os.lstat(path)
    return is_kind(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())
