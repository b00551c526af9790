"""Where folders lie: which disks and shares are mounted on the way to them, so that a lost one is known again."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A folder's place among the file systems of a machine."""

    mounts: int  #: file systems that are mounted on the way to it
    device: int  #: the number of its own; 0 where the machine gives it anew at each start

    def is_lost(self, now: "Place") -> bool:
        """Whether a folder that was here, and is `now` there, has lost its file system or lies on another one."""
        return now.mounts < self.mounts or (0 not in (self.device, now.device) and self.device != now.device)


def place_of(folder: str) -> Place:
    """Raises OSError where the folder cannot be reached."""
    path = os.path.realpath(folder)
    device = below = os.stat(path).st_dev
    mounts = 0
    while (parent := os.path.dirname(path)) != path:
        above = os.stat(parent).st_dev
        mounts += above != below
        path, below = parent, above
    return Place(mounts, device if _is_lasting(device) else 0)


def _is_lasting(device: int) -> bool:
    """Windows gives a volume's serial number; elsewhere shares and file systems in memory get the next free number."""
    return not hasattr(os, "major") or os.major(device) != 0
