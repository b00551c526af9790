"""This machine's own folder for what many nights leave, and the key of its hashes.

NAME.csv is a night's; history, audit log and key are the machine's: never beside a list, never in a scanned folder.
"""

import contextlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from ..disk.overwrite import in_own_folder
from ..disk.replace import move, replace_bytes, require_folder, writing
from ..errors import OutputError
from .clock import now

KEY_BYTES = 32
WAIT = 10.0  #: seconds that another process may hold the folder's lock


def state_folder() -> Path:
    """Where this user's state lives on this system; nothing is made."""
    from platformdirs import user_state_path

    return user_state_path("xscan", appauthor=False)


def make_folder(folder: Path) -> None:
    """Make it, for its owner alone. Raises OutputError, StorageError."""
    require_folder(folder)
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def held(folder: Path, wait: float = WAIT):
    """The folder's lock, for what must not be done twice at once. Raises OutputError when another keeps it."""
    lock = FileLock(folder / "state.lock")
    try:
        lock.acquire(timeout=wait)
    except (Timeout, OSError):
        raise OutputError(f"{folder} is locked by another process, or cannot be written: see who uses it") from None
    try:
        yield
    finally:
        lock.release()


class Keyed:
    """Keyed hashes: the same word gives the same hash on this machine, and nobody without the key can try words."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, kind: str, *words: str) -> str:
        """32 hexadecimal digits (HMAC-SHA256, cut). kind: what the words are; other kinds give other hashes."""
        text = "\0".join((kind, *words)).encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, text, "sha256").hex()[:32]

    def sub_key(self, kind: str) -> bytes:
        """A key for one kind of word, for a process that must not have the whole."""
        return hmac.digest(self._key, kind.encode(), "sha256")


def keyed(folder: Path, tell: Callable[[str], None] = lambda _: None) -> Keyed:
    """The hashes of a state folder; its key is made when there is none. Raises OutputError, StorageError.

    A key that is damaged is set aside, and told: films and patients seen before are then not known again.
    """
    file = folder / "key"
    if (key := _read(file)) is not None:
        return Keyed(key)
    make_folder(folder)
    with held(folder):
        if (key := _read(file)) is None:
            if file.exists():
                kept = aside(file)
                tell(f"the key of {folder} was damaged: it is kept as {kept.name}, and films are counted as new")
            key = secrets.token_bytes(KEY_BYTES)
            replace_bytes(file, key.hex().encode() + b"\n", in_own_folder, private=True)
    return Keyed(key)


def aside(path: Path) -> Path:
    """Rename a damaged file of xscan's own folder; nothing is lost. Returns its new name. Raises StorageError."""
    name = f"{path.name}.damaged-{now():%Y%m%dT%H%M%SZ}"
    target, number = path.with_name(name), 1
    while os.path.lexists(target):
        number += 1
        target = path.with_name(f"{name}-{number}")
    move(path, target)
    return target


def _read(file: Path) -> bytes | None:
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None
