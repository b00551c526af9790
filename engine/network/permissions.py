"""Who else could put another engine in the place of one: whoever may write to its files, or to a folder above them.

An engine is code. Nothing here refuses one: a clinic's share may be set up so on purpose; the person who starts a run
is told.
"""

import os
import stat
from pathlib import Path

from .sidecar import is_built, onnx_path, sidecar_path


def in_others_hands(engine: Path) -> list[str]:
    """What of the engine other users of this machine could replace, a sentence each; empty if nothing.

    On Windows permissions are lists that these bits do not show: always empty there.
    """
    if os.name == "nt":
        return []
    named = [engine, sidecar_path(engine), onnx_path(engine)] if is_built(engine) else [engine]
    named = [path for path in named if path.is_file()]
    found = [f"{path.name} is a link to another place" for path in named if path.is_symlink()]
    folders = dict.fromkeys(
        parent for path in named for kind in (path.absolute(), path.resolve()) for parent in kind.parents
    )
    for path in (*dict.fromkeys(path.resolve() for path in named), *folders):
        if why := others_may_write(path):
            found.append(why)
    return found


def others_may_write(path: Path) -> str:
    """Why a file or folder is in the hands of other users of this machine, as a sentence; '' if it is not.

    On Windows always '': see `in_others_hands`.
    """
    if os.name == "nt":
        return ""
    try:
        status = path.stat()
    except OSError:
        return ""
    name = path.name or str(path)
    if status.st_uid not in (0, os.getuid()):
        return f"{name} belongs to another user of this machine"
    kept_apart = (
        stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    )  # as /tmp: each may replace his own only
    if status.st_mode & stat.S_IWOTH and not kept_apart:
        return f"{name} may be written to by every user of this machine"
    if status.st_mode & stat.S_IWGRP and status.st_gid not in (0, os.getgid()) and not kept_apart:
        return f"{name} may be written to by a group of this machine's users"
    return ""
