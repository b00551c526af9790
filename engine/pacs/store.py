"""Films that came from the PACS, on the disk: `STORE/2026-11-29/STUDY/FILM.dcm`.

The day is that of the study's first film, STUDY and FILM are hashes: nothing that a sender writes makes a path. The
same content has the same name whenever it comes. Any batch scans the folder as it is.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from pathlib import Path

from ..disk.overwrite import in_own_folder
from ..disk.replace import folder_to_disk, is_temporary, replace_bytes, replacing, require_folder, writing
from ..errors import StorageError, UnreadableRadiograph, UsageError
from ..read.dicom.header import Header, parse
from .journal import Journal
from .objects.result import is_own
from .uids import sound_uid

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_STUDY = re.compile(r"[0-9a-f]{16}")
_FILM = re.compile(r"[0-9a-f]{32}\.dcm")
_JOURNAL = "journal.sqlite"
_ARRIVING = "arriving"
_PRUNED = "pruned"


class Outcome(Enum):
    NEW = auto()
    CONFLICT = auto()  #: new, and another film has the same SOPInstanceUID
    DOUBLE = auto()  #: the very film is there
    OWN = auto()  #: an object that xscan made of a film: never stored, never scored


@dataclass(frozen=True)
class Kept:
    outcome: Outcome
    study: int | None = None  #: its number in the journal, for a new film


class NoRoom(StorageError):
    """The disk has less room than is to be left free."""


def journal_of(state: Path) -> Journal:
    """The journal in a listener's folder."""
    return Journal(state / _JOURNAL)


class Pruned:
    """The note that films were removed, until the list is without them: till then it may lose most of its rows."""

    def __init__(self, state: Path) -> None:
        self._path = state / _PRUNED

    def note(self) -> None:
        replace_bytes(self._path, f"{time.time_ns()}\n".encode(), in_own_folder)

    def stands(self) -> bytes:
        """Which note it is; b'' for none."""
        try:
            return self._path.read_bytes()
        except OSError:
            return b""

    def done(self, note: bytes) -> None:
        """The list is without them; a later note stays."""
        if note and self.stands() == note:
            with writing(self._path):
                self._path.unlink(missing_ok=True)


class Store:
    """Keeps films under `folder`, and what it knows of them in `journal`. From any thread.

    state: xscan's own folder on the same disk, where half-written films are.
    floor: bytes that must stay free. most: bytes that a film may have. today: for the name of a day's folder.
    """

    def __init__(
        self,
        folder: Path,
        state: Path,
        journal: Journal,
        *,
        floor: int,
        most: int,
        today: Callable[[], date] = date.today,
    ) -> None:
        self.folder = folder
        self._aside = state / _ARRIVING
        self._pruned = Pruned(state)
        self._journal = journal
        self._floor = floor
        self._most = most
        self._today = today
        self._locks = tuple(threading.Lock() for _ in range(64))

    def open(self) -> int:
        """Make the folders, drop what a killed process left half written, and take up films that the journal does not
        know, which it was killed before it could note; returns their number.

        For who holds the lock of `state`. Raises UsageError, OutputError, StorageError.
        """
        make_folder(self.folder)
        make_folder(self._aside)
        with writing(self._aside):
            for name in os.listdir(self._aside):
                if is_temporary(name, of=name.partition(".tmp.")[2]):
                    (self._aside / name).unlink(missing_ok=True)
        self._require_one_disk()
        known = set(self._journal.files())
        taken_up = 0
        for file in self._films():
            if file not in known:
                self._take_up(file)
                taken_up += 1
        return taken_up

    def keep(self, content: bytes) -> Kept:
        """Store one film, a whole DICOM file (PS3.10): when this returns it is on the disk and in the journal.

        What cannot be read is stored, too, and gets its row in the list. Raises NoRoom, StorageError, OutputError.
        """
        header = self._header(content)
        if header is not None and is_own(header):
            return Kept(Outcome.OWN)
        film = _Film.of(header, content)
        with self._alone(film.digest):
            file = self._journal.file_of(film.sop_uid, film.digest)
            if file is not None and (self.folder / file).is_file():
                self._journal.again(film.sop_uid, film.digest)
                return Kept(Outcome.DOUBLE)
            self._require_room(len(content))
            conflict = self._journal.has_other(film.sop_uid, film.digest)
            folder = self._journal.folder_of(film.study) or f"{self._today():%Y-%m-%d}/{_hash(film.study)[:16]}"
            file = f"{folder}/{film.digest[:32]}.dcm"
            target = self.folder / file
            make_folder(target.parent)
            with replacing(target, in_own_folder, private=True, aside=self._aside) as stream:
                stream.write(content)
            study = self._journal.add(film.sop_uid, film.digest, film.study, folder, file)
            return Kept(Outcome.CONFLICT if conflict else Outcome.NEW, study)

    def prune(self, before: float, keep: Collection[str] = ()) -> int:
        """Remove films of studies that are scored and of which nothing has come since `before` (seconds since the
        epoch), and their notes; returns how many. keep: SOP Instance UIDs of films that are wanted still.

        Nothing but what the journal knows is removed, and no file that stands in its place as a link.
        Raises StorageError, OutputError.
        """
        old = [film for film in self._journal.old(before) if film.sop_uid not in keep]
        if old:
            with contextlib.suppress(StorageError):  # a full disk has no room for it before the first film is gone
                self._pruned.note()
        removed = 0
        for film in old:
            path = self.folder / film.file
            with self._alone(film.digest), writing(path):
                if path.is_symlink() or not _is_ours(film.file):
                    continue
                path.unlink(missing_ok=True)
                self._journal.forget(film.number)
                removed += 1
            for folder in (path.parent, path.parent.parent):
                with contextlib.suppress(OSError):  # others are in it
                    folder.rmdir()
        if removed:
            self._pruned.note()  # once more, for a list that was made meanwhile
        return removed

    def _header(self, content: bytes) -> Header | None:
        try:
            return parse(content, self._most)
        except UnreadableRadiograph:
            return None

    def _require_room(self, size: int) -> None:
        if shutil.disk_usage(self.folder).free - size < self._floor:
            raise NoRoom("the disk of the store has less room than is to be left free: make room")

    def _alone(self, digest: str) -> threading.Lock:
        """One thread at a time for one film: two senders may bring it at once. Few films share a lock."""
        return self._locks[int(digest[:8], 16) % len(self._locks)]

    def _films(self) -> Iterator[str]:
        """Every film of ours in the store, as the journal names it."""
        for day in _names(self.folder, _DAY):
            for study in _names(self.folder / day, _STUDY):
                for film in _names(self.folder / day / study, _FILM):
                    yield f"{day}/{study}/{film}"

    def _take_up(self, file: str) -> None:
        path = self.folder / file
        with writing(path):
            content = path.read_bytes()
        film = _Film.of(self._header(content), content)
        self._journal.add(film.sop_uid, film.digest, film.study, file.rpartition("/")[0], file)

    def _require_one_disk(self) -> None:
        probe, target = self._aside / ".probe", self.folder / ".xscan-probe"
        with writing(target):
            probe.touch()
            try:
                os.replace(probe, target)
            except OSError as error:
                probe.unlink()
                if error.errno != errno.EXDEV:
                    raise
                raise UsageError(
                    f"{self._aside.parent} and {self.folder} are on two disks: give --state a folder on the store's"
                ) from None
            target.unlink()


@dataclass(frozen=True)
class _Film:
    sop_uid: str
    digest: str  #: sha256 of the file without what a sender's software says of itself
    study: str  #: StudyInstanceUID; where there is none the film is a study of its own

    @classmethod
    def of(cls, header: Header | None, content: bytes) -> "_Film":
        syntax = header.transfer_syntax if header is not None else ""
        digest = _hash(syntax, "\0", memoryview(content)[_data_set(content) :])
        if header is None:
            return cls("", digest, f"film {digest}")
        return cls(sound_uid(header.text(0x00080018)), digest, sound_uid(header.text(0x0020000D)) or f"film {digest}")


def _is_ours(file: str) -> bool:
    day, _, rest = file.partition("/")
    study, _, film = rest.partition("/")
    return bool(_DAY.fullmatch(day) and _STUDY.fullmatch(study) and _FILM.fullmatch(film))


def _data_set(content: bytes) -> int:
    """Where a PS3.10 file's data set begins: behind the File Meta Information, whose first element is its length."""
    if content[128:132] != b"DICM" or content[132:140] != b"\2\0\0\0UL\4\0":
        return 0
    return 144 + int.from_bytes(content[140:144], "little")


def make_folder(path: Path) -> None:
    """A folder of films, for its owner and group alone. Raises OutputError, StorageError."""
    if path.is_dir():
        return
    require_folder(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o750, exist_ok=True)
        folder_to_disk(path.parent)


def _names(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if pattern.fullmatch(name))
    except NotADirectoryError:
        return []


def _hash(*parts: "bytes | memoryview | str") -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()
