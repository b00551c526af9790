"""A folder that xscan makes for itself beside an output, and removes again: its own files, and nothing else."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from ..errors import OutputError
from .overwrite import unreadable


class OwnFolder:
    """A folder of plain files whose names xscan chose.

    is_own: whether a file is xscan's, by its name and content. There are no folders in it and no links. What is
    not xscan's is never removed, whatever the folder is called: a folder of films may bear the same name.
    """

    def __init__(self, path: Path, is_own: Callable[[Path], bool]) -> None:
        self.path = path
        self._is_own = is_own

    def require_own(self) -> None:
        """Raise OutputError if something else than xscan's own folder stands there, or anything else in it;
        StorageError where its disk does not say."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise unreadable(self.path, error) from None
        if not stat.S_ISDIR(status.st_mode):
            raise OutputError(f"{self.path} is in the way and is not xscan's: rename it, or give another --out")
        try:
            strangers = sum(1 for path in self.path.iterdir() if not self._owns(path))
        except OSError as error:
            raise unreadable(self.path, error) from None
        if strangers:
            raise OutputError(
                f"{self.path} holds {strangers} {'file' if strangers == 1 else 'files'} that xscan did not make: "
                "rename that folder, or give another --out"
            )

    def remove(self) -> None:
        """Unlink xscan's own files, and the folder if nothing else is left in it. What cannot be removed stays."""
        try:
            if not stat.S_ISDIR(os.lstat(self.path).st_mode):
                return
            for path in list(self.path.iterdir()):
                if self._owns(path):
                    path.unlink(missing_ok=True)
            self.path.rmdir()
        except OSError:  # gone already, or not ours alone
            return

    def _owns(self, path: Path) -> bool:
        return stat.S_ISREG(os.lstat(path).st_mode) and self._is_own(path)
