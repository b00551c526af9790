"""On Linux: a process that decodes films gives up for good what no decoder needs. landlock(7).

Afterwards it opens no file for writing, makes, removes, renames and cuts none, starts no program, and (where the kernel
knows these) makes no TCP connection, signals no process and calls no abstract socket outside. Files can still be read,
and what it had open before stays open: the pictures of the page, the pipe to its parent.

Not held back by Landlock, as of its version 7: permissions and times of files, UDP, sockets that have a path.
"""

import ctypes
import os
import struct
import sys

#: linux/landlock.h. From EXECUTE and WRITE_FILE to MAKE_SYM, without READ_FILE and READ_DIR; the rest came later.
_EXECUTE, _WRITE_FILE = 1 << 0, 1 << 1
_REMOVE_DIR_TO_MAKE_SYM = sum(1 << n for n in range(4, 13))
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15  # versions 2, 3, 5
_TCP = 1 << 0 | 1 << 1  # bind, connect: version 4
_SCOPES = 1 << 0 | 1 << 1  # abstract sockets, signals: version 6
_SINCE = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV}

#: One number on every processor but Alpha, which has no wheels of what xscan needs.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_SET_NO_NEW_PRIVS = 38  # linux/prctl.h

SWITCH = "XSCAN_SANDBOX"  #: set to `off`, nothing is given up


def version() -> int:
    """Landlock's version on this machine; 0 where there is none, or where XSCAN_SANDBOX=off."""
    if not sys.platform.startswith("linux") or os.environ.get(SWITCH) == "off":
        return 0
    try:
        return max(0, _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))
    except (OSError, AttributeError):
        return 0


def give_up_writing() -> bool:
    """Give it up: this thread, and all that it starts. Says whether this system could do so; a second time is no harm.

    Call it before there are other threads, which it does not reach.
    """
    known = version()
    if not known:
        return False
    files = _EXECUTE | _WRITE_FILE | _REMOVE_DIR_TO_MAKE_SYM
    files |= sum(right for since, right in _SINCE.items() if known >= since)
    # struct landlock_ruleset_attr, which has grown: what a kernel does not know must be left out or zero
    rights = struct.pack("=QQQ", files, _TCP if known >= 4 else 0, _SCOPES if known >= 6 else 0)
    rights = rights[: 24 if known >= 6 else 16 if known >= 4 else 8]
    try:
        ruleset = _syscall(_CREATE_RULESET, rights, ctypes.c_size_t(len(rights)), 0)
        try:  # without a rule: no exception to it
            if ctypes.CDLL(None, use_errno=True).prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
                return False
            _syscall(_RESTRICT_SELF, ruleset, 0)
        finally:
            os.close(ruleset)
    except OSError:  # not this process: of the most nested sandboxes there may be, say
        return False
    return True


def _syscall(number: int, *words: object) -> int:
    """Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    answer = library.syscall(ctypes.c_long(number), *words)
    if answer < 0:
        raise OSError(ctypes.get_errno(), "Landlock")
    return answer
