"""What a command line names: a folder, or some of the films, zips and folders in one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError


@dataclass(frozen=True)
class Named:
    folder: Path  #: the rows' files are relative to it
    only: tuple[str, ...] = ()  #: what of it is meant, relative to it, with forward slashes; empty: all


def named(paths: Sequence[Path]) -> Named:
    """A folder alone is itself; of anything else, the folder that holds all of it. Raises UsageError.

    Whether one folder can be listed is left to the walk: a share that is away is told of there.
    """
    if not paths:
        raise UsageError("say what to scan: a folder, a zip or films")
    given = sorted({os.path.abspath(path) for path in paths})
    if len(given) == 1 and not os.path.isfile(given[0]):
        return Named(paths[0])
    for path in given:
        if not os.path.exists(path):
            raise UsageError(f"there is no file or folder {path}: check the name, and that its share is there")
    inside = [path for path in given if not any(path.startswith(os.path.join(other, "")) for other in given)]
    if len(inside) == 1 and os.path.isdir(inside[0]):
        return Named(Path(inside[0]))
    try:
        folder = os.path.commonpath([os.path.dirname(path) for path in inside])
    except ValueError:  # Windows: two drives
        raise UsageError("films of two drives have no folder in common: scan them one drive at a time") from None
    return Named(Path(folder), tuple(os.path.relpath(path, folder).replace(os.sep, "/") for path in inside))


#: Names of one folder and what is meant of each: None is all of it.
Tree = dict[str, "Tree | None"]


def tree_of(only: Sequence[str]) -> Tree | None:
    """None where everything is meant."""
    if not only:
        return None
    tree: Tree = {}
    for path in only:
        *folders, name = path.split("/")
        level = tree
        for folder in folders:
            below = level.setdefault(folder, {})
            if below is None:  # all of a folder above is meant already
                break
            level = below
        else:
            level[name] = None
    return tree
