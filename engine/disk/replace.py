"""The one way in which xscan writes a file: whole or not at all, and never over, or through, what it did not make.

A file is written under a random name beside its target (`O_EXCL`, `O_NOFOLLOW`), brought to the disk, and then renamed.
Whoever reads the target meanwhile sees the old file or the new one; a power cut leaves one of the two.
"""

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Generator
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError, StorageError

#: The disk, the quota, or the largest file that the file system or the process may have.
_FULL = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))
#: What a person must mend in the command or in the folder; all else is the storage's own failure.
_WRONG = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP),
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.ENOTEMPTY),
)
#: A folder's own entry cannot be brought to the disk everywhere: not on Windows, nor on some shares.
_NO_FSYNC = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF, errno.ENOSYS)
_OPEN = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp\.")
_NAME_BYTES = 200  #: of a target's name in its temporary one; file systems allow 255

#: Raises OutputError where something stands at a path that is not xscan's to replace.
Ours = Callable[[Path], None]


@contextlib.contextmanager
def replacing(
    target: Path, ours: Ours, *, private: bool = False, durable: bool = True, aside: Path | None = None
) -> Generator[BinaryIO]:
    """A binary stream whose content becomes `target` when the block ends well; on any error nothing has changed.

    ours: is asked before anything is written. private: see `create`. durable: wait until the disk has it.
    aside: another folder of the same disk to write in, where the target's own is one that somebody scans.
    Raises OutputError (not ours, a link, a folder, no permission) and StorageError (disk full, share lost).
    """
    with (
        replacing_path(target, ours, private=private, durable=durable, aside=aside) as temporary,
        temporary.open("r+b") as stream,
    ):
        yield stream
        stream.flush()


@contextlib.contextmanager
def replacing_path(
    target: Path, ours: Ours, *, private: bool = False, durable: bool = True, aside: Path | None = None
) -> Generator[Path]:
    """As `replacing`, for what a library writes by a name: an empty file whose name ends as `target`'s."""
    require_plain(target)
    ours(target)
    temporary = (aside or target.parent) / temporary_name(target.name)
    with writing(target):
        try:
            os.close(create(temporary, private=private, like=target))
            yield temporary
            if durable:
                _to_disk(temporary)
            is_new = not os.path.lexists(target)
            os.replace(temporary, target)
            if durable:
                try:
                    folder_to_disk(target.parent)
                except OSError:
                    if is_new:  # the same command would find it in its way
                        target.unlink()
                    raise
        finally:
            with contextlib.suppress(OSError):  # gone already, after the rename
                temporary.unlink()


def replace_bytes(target: Path, content: bytes, ours: Ours, *, private: bool = False, durable: bool = True) -> None:
    """Write a file whole or not at all. Raises OutputError, StorageError."""
    with replacing(target, ours, private=private, durable=durable) as stream:
        stream.write(content)


def create(path: Path, *, private: bool = False, like: Path | None = None) -> int:
    """A new file, open for reading and writing; never one that is there already. Raises OSError.

    private: for its owner alone, and for its group where the folder hands its group on (setgid), as a folder does that
    several people are to read. A file that stands at `like` passes its own permissions on.
    """
    mode = 0o666
    if private and os.name != "nt":
        shared = path.parent.stat().st_mode & stat.S_ISGID
        mode = 0o640 if shared else 0o600
    descriptor = os.open(path, _OPEN | getattr(os, "O_CLOEXEC", 0), mode)
    if like is not None and os.name != "nt":
        with contextlib.suppress(OSError):  # none there, or not ours to say
            before = like.lstat()
            if stat.S_ISREG(before.st_mode):
                os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & 0o666)
                if before.st_gid != os.fstat(descriptor).st_gid:
                    os.fchown(descriptor, -1, before.st_gid)
    return descriptor


def write_all(stream: BinaryIO, content: bytes) -> None:
    """Write all of it to an unbuffered stream, which may take less at a time. Raises OSError."""
    left = memoryview(content)
    while left:
        left = left[stream.write(left) :]


def move(source: Path, target: Path) -> None:
    """Rename xscan's own file or folder, and bring the name to the disk. Raises OutputError, StorageError."""
    with writing(target):
        os.replace(source, target)
        folder_to_disk(target.parent)


def require_folder(path: Path) -> None:
    """Raise OutputError if something else than a folder, or a link to one, stands at `path`."""
    if os.path.lexists(path) and not path.is_dir():
        raise OutputError(f"{path} is no folder: give the name of one, or of none yet")


def require_plain(path: Path) -> None:
    """Raise OutputError if a link, a folder or a device stands at `path`: none of them is ever replaced or followed."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise failure(path, error) from None
    if stat.S_ISLNK(mode):
        raise OutputError(f"{path} is a link, and xscan writes through none: name what it leads to, or delete it")
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no plain file"
        raise OutputError(f"{path} is {what}, and is in the way: rename it, or give another name")


def temporary_name(name: str) -> str:
    """A name that nobody can guess, hidden, and that ends as `name` does."""
    return f".{secrets.token_hex(8)}.tmp.{_tail(name)}"


def is_temporary(name: str, of: str) -> bool:
    """Whether `name` is that of a file `of` which is being written, or was when a process was killed."""
    return (found := _TEMPORARY.match(name)) is not None and name[found.end() :] == _tail(of)


def remove_left(target: Path) -> None:
    """Unlink what a killed process left half written for `target`. Only for who holds the target's lock."""
    with contextlib.suppress(OSError):
        entries = os.scandir(target.parent)
        left = [entry.path for entry in entries if is_temporary(entry.name, target.name) and _is_plain(entry)]
        for path in left:
            os.unlink(path)


def remove_all_left(folder: Path) -> None:
    """Unlink what a killed process left half written in a folder that is xscan's own, whatever it was to become."""
    with contextlib.suppress(OSError):
        left = [entry.path for entry in os.scandir(folder) if _TEMPORARY.match(entry.name) and _is_plain(entry)]
        for path in left:
            os.unlink(path)


def _is_plain(entry: "os.DirEntry[str]") -> bool:
    return entry.is_file(follow_symlinks=False)


def _tail(name: str) -> str:
    while len(os.fsencode(name)) > _NAME_BYTES:
        name = name[len(name) // 4 + 1 :]
    return name


@contextlib.contextmanager
def writing(target: Path) -> Generator[None]:
    """Turn a failure to write `target` into OutputError or StorageError: the one text for each."""
    there = target.parent.is_dir()
    try:
        yield
    except OSError as error:
        raise failure(target, error, lost=there and not target.parent.is_dir()) from None


def failure(target: Path, error: OSError | ValueError, *, lost: bool = False) -> OutputError | StorageError:
    """What to tell of it. lost: its folder was there a moment ago, and is gone."""
    number = getattr(error, "errno", errno.EINVAL)
    if number in _FULL:
        return StorageError("the disk is full: make room and run the same command again, it carries on")
    if number in _WRONG and not lost:
        return OutputError(
            f"cannot write {target}: check that its folder is there and may be written, and close it in other programs"
        )
    return StorageError(
        f"the folder of {target.name} cannot be written any more: bring its disk or share back and run the same "
        "command again, it carries on"
    )


def _to_disk(path: Path) -> None:
    with path.open("r+b") as stream:
        os.fsync(stream.fileno())


def folder_to_disk(folder: Path) -> None:
    """Bring a folder's entries to the disk, where the system can. Raises OSError."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise
    finally:
        os.close(descriptor)
