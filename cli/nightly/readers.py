"""Who may read the lists besides the one who makes them: a group, by the folder that the lists stand in.

A folder that hands its group on (setgid) is the one mark of it: `xscan.engine.disk.replace.create` looks for it.
"""

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from xscan.engine.errors import UsageError


def have_readers(folder: Path) -> bool:
    """Whether what xscan writes there is readable by a group."""
    try:
        return os.name != "nt" and bool(folder.stat().st_mode & stat.S_ISGID)
    except OSError:
        return False


def let_read(group: str, folders: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Hand the folders on to a group, and what xscan has written there before. Raises UsageError."""
    try:
        import grp
    except ImportError:
        raise UsageError("there is no --group on Windows: give rights to the folder of the lists instead") from None
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"there is no group {group}: `getent group` lists them") from None
    for folder in folders:
        try:
            os.chown(folder, -1, number)
            mode = stat.S_IMODE(folder.stat().st_mode) | stat.S_ISGID | stat.S_IRGRP | stat.S_IXGRP
            folder.chmod(mode)
            done = stat.S_IMODE(folder.stat().st_mode) == mode  # the mark is taken off in silence from who is not in it
        except OSError:
            done = False
        if not done:
            named = shlex.quote(str(folder))
            raise UsageError(
                f"cannot hand {folder} to the group {group}: let an administrator run "
                f"`chgrp {shlex.quote(group)} {named} && chmod g+rxs {named}`"
            )
    for path in outputs:
        _hand_on(path, number)


def _hand_on(path: Path, group: int) -> None:
    """A list of before keeps its permissions for ever, unless they are changed now. Only a plain file, by one name."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        before = os.fstat(descriptor)
        if stat.S_ISREG(before.st_mode) and before.st_nlink == 1 and before.st_uid == path.parent.stat().st_uid:
            os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode) | stat.S_IRGRP)
    except OSError:  # not ours
        pass
    finally:
        os.close(descriptor)
