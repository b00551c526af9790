"""Temporary files, for what may be too much for the memory; and what is said where there is no room for them."""

from collections.abc import Generator
from contextlib import contextmanager

from ..errors import StorageError


@contextmanager
def spilling(*kinds: type[Exception]) -> Generator[None]:
    """Around writing to one: raises StorageError. kinds: of errors besides OSError.

    Never a row for one folder: all films below it would leave the list.
    """
    try:
        yield
    except (OSError, *kinds):
        raise StorageError(
            "temporary files cannot be written (in /tmp, or where TMPDIR says): make room there and run the same "
            "command again, it carries on"
        ) from None
