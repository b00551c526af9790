"""This room's files of state: one process at a time, and what went wrong with one said in a line."""

import contextlib
import errno
import shutil
import sqlite3
from collections.abc import Generator
from pathlib import Path

from filelock import FileLock, Timeout

from ..disk.replace import failure, writing
from ..errors import OutputError, StorageError

_NOT_OURS = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)  # ERROR: no such table or column
_LITTLE = 1 << 20  #: bytes
_NO_RIGHT = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)


@contextlib.contextmanager
def alone(lock: Path, busy: str) -> Generator[None]:
    """Hold a lock file for the block.

    busy: what to say where another process holds it. Raises OutputError, StorageError.
    """
    held = FileLock(lock)
    with writing(lock):
        try:
            held.acquire(timeout=0)
        except Timeout:
            raise OutputError(busy) from None
    try:
        yield
    finally:
        held.release()


def trouble(path: Path, error: OSError | sqlite3.Error, lost: str) -> OutputError | StorageError:
    """The error to raise for what the system or SQLite says of a database.

    lost: what moving a damaged file away costs, a clause for the end of the line.
    """
    if isinstance(error, OSError):
        return failure(path, error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of the bits is detail
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return failure(path, OSError(errno.ENOSPC, ""))
    if code in _NOT_OURS:
        return OutputError(f"{path} is damaged, or no file of xscan's: move it away, {lost}")
    if code in _NO_RIGHT:
        return OutputError(f"cannot write {path}: check the permissions of the file and its folder, or give --state")
    if code == sqlite3.SQLITE_BUSY:
        return StorageError(f"{path} is held by another program: end it, and run again")
    return StorageError(f"{path} cannot be read or written: bring its disk back, and run again")


def _is_full(path: Path) -> bool:
    """SQLite calls a write-ahead log that has no room for its index a failure of the disk."""
    try:
        return shutil.disk_usage(path.parent).free < _LITTLE
    except OSError:
        return False
