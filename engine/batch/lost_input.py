"""Films of the last list that are not there tonight: has the export rotated, or is a disk or share not mounted?

An export that takes old films away and adds new ones is no alarm. It is one where at least half of the list's files are
gone together with their place: the scanned folder, or one directly in it, is empty, cannot be listed, is a zip that
cannot be read any more, or has lost the disk or share that it was on. The list then stays as it is.
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from ..errors import StorageError
from ..find.found import Found, real_name
from ..find.mounts import Place, place_of

#: Codes of folders and zips that cannot be looked into.
_CLOSED = ("unreadable-folder", "bad-zip", "unreadable", "broken-link")
_AGAIN = "bring the disk or share back and run the same command again"


class LostInput:
    """Sees what the walk finds, and the earlier rows whose file is gone, in discovery's order.

    earlier: where the folder, and what is mounted below it, stood when the list was made (`mounts` of that run).
    """

    def __init__(self, folder: Path, earlier: Mapping[str, Place]) -> None:
        self._folder = os.path.abspath(folder)
        self._earlier = earlier
        self.mounts: dict[str, Place] = {}  #: of this run: by a digest, for a folder's name can be a patient's
        self._identities: dict[str, tuple[int, int]] = {}  # of the same folders, by real path
        self._rows = self._gone = self._lost = 0  # earlier ones; of files that are gone; with their place
        self._is_empty = True
        self._closed = ""  # the last folder or zip of the walk that cannot be looked into
        self._fates: dict[str, bool] = {}  # of folders that stood on their own: lost?
        self._top, self._top_lost = "", False
        self.mounted("", self._folder)
        self._root_lost = self._has_moved("", self._folder)

    def mounted(self, shown: str, path: str) -> None:
        """A folder of the walk lies on another file system than the one it is in."""
        with contextlib.suppress(OSError):  # gone this moment: rows will say so
            self._identities[path] = _identity(path)
            self.mounts[_key(shown)] = place_of(path)

    def found(self, found: Found) -> None:
        self._is_empty = False
        if found.problem is not None and found.problem.code in _CLOSED:
            self._closed = found.file + "/"

    def there(self) -> None:
        """The file of an earlier row is still there."""
        self._rows += 1

    def gone(self, file: str) -> None:
        """The file of an earlier row is not there any more."""
        self._rows += 1
        self._gone += 1
        self._lost += self._root_lost or self._place_lost(file)

    def is_away(self, path: str) -> bool:
        """Whether a disk or share that `path` was found on has gone since: it is now another folder, or none."""
        for folder, identity in list(self._identities.items()):
            if path.startswith(os.path.join(folder, "")):
                try:
                    if _identity(folder) != identity:
                        return True
                except OSError:
                    return True
        return False

    def require_there(self, allow_shrink: bool) -> None:
        """At the walk's end. Raises StorageError where the input is lost and not only smaller."""
        if any(self.is_away(os.path.join(folder, "")) for folder in list(self._identities)):
            raise StorageError(f"the scanned folder is gone, or a disk in it: {_AGAIN}")
        lost = self._rows if self._is_empty else self._lost
        if allow_shrink or not self._rows or 2 * lost < self._rows:
            return
        what = "it is empty" if self._is_empty else "the disk or share that they were on is not there"
        raise StorageError(
            f"{lost} of {self._rows} files of the list are gone from {self._folder}, and {what}: {_AGAIN}, "
            "or add --allow-shrink if they are to leave the list"
        )

    def _place_lost(self, file: str) -> bool:
        if self._closed and file.startswith(self._closed):
            return True
        top, sign, _ = file.partition("/")
        if not sign:
            return False
        if top != self._top:
            self._top, self._top_lost = top, self._is_lost(top)
        return self._top_lost or any(self._nested_lost(folder) for folder in _folders(file))

    def _nested_lost(self, folder: str) -> bool:
        if _key(folder) not in self._earlier:
            return False
        if folder not in self._fates:
            self._fates[folder] = self._is_lost(folder)
        return self._fates[folder]

    def _is_lost(self, shown: str) -> bool:
        """Whether films that were below a folder are gone because the folder's own place is lost."""
        path = os.path.join(self._folder, real_name(shown))
        try:
            if not stat.S_ISDIR(os.stat(path).st_mode):
                return False
            with os.scandir(path) as entries:
                return next(entries, None) is None or self._has_moved(shown, path)
        except FileNotFoundError:
            return _key(shown) in self._earlier
        except OSError:
            return True

    def _has_moved(self, shown: str, path: str) -> bool:
        before = self._earlier.get(_key(shown))
        try:
            return before is not None and before.is_lost(place_of(path))
        except OSError:
            return True


def _key(shown: str) -> str:
    return sha256(shown.encode()).hexdigest()[:16]


def _folders(file: str) -> list[str]:
    parts = file.split("/")[:-1]
    return ["/".join(parts[:n]) for n in range(2, len(parts) + 1)]


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino
