"""The pictures of the morning page: made where a film is read, kept on disk until the page is written.

Every scored film has a small one for the list; a film that is to be read early has a large one, too.
What was kept is looked at again before it goes into a page: its folder may be in other hands.
"""

import base64
import contextlib
import os
import re
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np

from ..disk.replace import create
from ..find.spill import spilling
from ..lists.table import Row
from ..triage.odds import log_odds

SIDE = 192  #: pixels of a small picture's longer side
QUALITY = 62  #: of its JPEG: some 4 KB a film
LARGE_SIDE = 768  #: pixels of a large picture's longer side
LARGE_QUALITY = 75  #: of its JPEG: some 33 KB a film
LARGE_BANDS = ("urgent", "review")  #: the films that have one
MOST_BYTES = 2 << 20  #: of a picture; none of ours comes near
EARLIER = "earlier.pictures"  #: in a run's folder: those of the page before; sorts behind the workers' own
HELD = 16  #: workers' stores that are open at a time
ROOM = 64 << 20  #: bytes of a disk that are left to the list: some 300,000 rows
EVIDENCE = 8.0  #: logits that stand for the strongest colour of a class map; fixed, so that films compare


@dataclass(frozen=True, slots=True)
class Picture:
    jpeg: bytes
    map: str = ""  #: as `encode_map` gives it; '' where the network has no class maps
    large: bytes = b""  #: the large JPEG; empty where there is none
    order: str = ""  #: `20260131|A1234`: study date and accession number; '' where no site asked for them

    def line(self) -> str:
        """One line of the page's picture blocks."""
        order = " " + base64.b64encode(self.order.encode()).decode() if self.order else ""
        return f"{base64.b64encode(self.jpeg).decode()} {self.map}{order}"


def shrunk(grey: np.ndarray, side: int) -> np.ndarray:
    """The film with its longer side at most so long. grey: uint8 [rows, columns]."""
    rows, columns = grey.shape
    scale = min(1.0, side / max(rows, columns))
    if scale == 1:
        return grey
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def small_copy(grey: np.ndarray) -> bytes:
    """A JPEG of a film for the page's list. grey: uint8 [rows, columns]."""
    return _jpeg(shrunk(grey, SIDE), QUALITY)


def large_copy(grey: np.ndarray) -> bytes:
    """A JPEG of a film to look at. grey: uint8 [rows, columns]."""
    return _jpeg(shrunk(grey, LARGE_SIDE), LARGE_QUALITY)


def _jpeg(grey: np.ndarray, quality: int) -> bytes:
    _, jpeg = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    return jpeg.tobytes()


def encode_map(maps: np.ndarray, temperature: float) -> str:
    """Evidence for pneumonia by place, as text: `5x5:` and two hexadecimal digits a place, rows from the top.

    maps: float [height, width, 3], the class maps of one film. 0x80 is no evidence either way, 0xFF is
    EVIDENCE logits or more for pneumonia.
    """
    levels = np.clip(128 + 127 * log_odds(maps, temperature) / EVIDENCE, 1, 255).round().astype(np.uint8)
    height, width = levels.shape
    return f"{width}x{height}:{levels.tobytes().hex()}"


_MAP = re.compile(r"(\d{1,2})x(\d{1,2}):((?:[0-9a-f]{2})+)", re.ASCII)


_ORDER = re.compile(r"(?:\d{8})?\|[^\x00-\x1f\x7f-\x9f|]{0,64}", re.ASCII)


def checked(jpeg: object, places: object, large: object, order: object = "") -> Picture | None:
    """The picture, or None where this is none that `small_copy`, `large_copy` and `encode_map` can have made."""
    if not (
        isinstance(jpeg, bytes) and isinstance(large, bytes) and isinstance(places, str) and isinstance(order, str)
    ):
        return None
    if order and _ORDER.fullmatch(order) is None:
        return None
    if not _is_jpeg(jpeg) or not (_is_jpeg(large) or not large):
        return None
    if places:
        match = _MAP.fullmatch(places)
        if match is None or len(match[3]) != 2 * int(match[1]) * int(match[2]):
            return None
    return Picture(jpeg, places, large, order)


def _is_jpeg(content: bytes) -> bool:
    return content[:3] == b"\xff\xd8\xff" and content[-2:] == b"\xff\xd9" and len(content) <= MOST_BYTES


class Spool:
    """Where one worker process leaves the pictures of its films: a SQLite file of its own in the run's folder.

    Memory does not depend on the number of films. A picture that cannot be kept is made again for the page, so
    nothing here may end a run: after the first failure the spool is silent.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        self._folder = folder
        self._store: sqlite3.Connection | None = None
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            file = folder / (name or f"{os.getpid()}-{time.time_ns()}.pictures")
            file.unlink(missing_ok=True)
            os.close(create(file, private=True))
            self._store = sqlite3.connect(file)
            self._store.executescript(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                "CREATE TABLE picture (film BLOB PRIMARY KEY, jpeg BLOB, map TEXT, large BLOB, study TEXT)"
                " WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error):
            self._store = None

    def put(self, pictures: Iterable[tuple[Row, Picture]]) -> None:
        """Keep the pictures of one batch."""
        if self._store is None or not self._has_room():
            return
        kept = ((film_key(row), picture.jpeg, picture.map, picture.large, picture.order) for row, picture in pictures)
        try:
            self._store.executemany("INSERT OR REPLACE INTO picture VALUES (?, ?, ?, ?, ?)", kept)
            self._store.commit()
        except sqlite3.Error:
            self._store = None

    def _has_room(self) -> bool:
        """Whether the disk has more room than the list may need: no picture is worth a row."""
        try:
            return shutil.disk_usage(self._folder).free > ROOM
        except OSError:
            return False


class Spooled:
    """The pictures of a run, whichever process made them. Use as a context manager; raises StorageError.

    A store is left by each process of each interrupted run, and there may be more than files that may be open. So an
    index, made once, says which of them hold a film, and only those last used are open.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stores: list[Path] = []
        self._open: dict[int, sqlite3.Connection] = {}  # by number of the store; the last used stands last
        self._lock = threading.Lock()  # a walk that is told to end may ask once more, while all is closed

    def __enter__(self) -> "Spooled":
        self._index = sqlite3.connect("", check_same_thread=False)  # no name: temporary, on disk when it is large
        try:
            with spilling(sqlite3.Error):
                self._index.execute("CREATE TABLE held (film BLOB, store, PRIMARY KEY (film, store)) WITHOUT ROWID")
            with contextlib.suppress(OSError):  # a share that went away: the page does without
                self._stores = sorted(self._folder.glob("*.pictures"))
            for number in range(len(self._stores)):
                with spilling(sqlite3.Error):
                    self._index.executemany("INSERT OR IGNORE INTO held VALUES (?, ?)", self._films(number))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for store in (self._index, *self._open.values()):
                store.close()

    def lacks(self, row: Row) -> bool:
        return self.get(row) is None

    def lacks_order(self, row: Row) -> bool:
        """Also where its picture was made without study date and accession number."""
        picture = self.get(row)
        return picture is None or not picture.order

    def get(self, row: Row, maps: bool = True) -> Picture | None:
        """The picture of a row, where there is one; without its class map, where that is another network's (maps)."""
        film = film_key(row)
        with self._lock, contextlib.suppress(sqlite3.Error):  # all is closed by now
            holding = self._index.execute("SELECT store FROM held WHERE film = ? ORDER BY store", (film,)).fetchall()
            for (number,) in holding:
                with contextlib.suppress(sqlite3.Error):  # a file that a killed process left half written
                    query = "SELECT jpeg, map, large, study FROM picture WHERE film = ?"
                    found = self._store(number).execute(query, (film,)).fetchone()
                    if found and (picture := checked(*found)):
                        return picture if maps else replace(picture, map="")
        return None

    def _films(self, number: int) -> Iterator[tuple[bytes, int]]:
        """Of one store, for the index; of one that is half written what can be read, of an empty one nothing."""
        with contextlib.suppress(sqlite3.Error):
            query = "SELECT film FROM picture WHERE typeof(film) = 'blob' AND length(film) = 32"
            for (film,) in self._store(number).execute(query):
                yield film, number

    def _store(self, number: int) -> sqlite3.Connection:
        """A store, open. Raises sqlite3.Error."""
        store = self._open.pop(number, None) or _opened(self._stores[number])
        self._open[number] = store
        if len(self._open) > HELD:
            self._open.pop(next(iter(self._open))).close()
        return store


def _is_ours(path: Path) -> bool:
    """A store that this user's processes wrote: no link, nobody else's file."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and (os.name == "nt" or status.st_uid == os.getuid())


def _opened(path: Path) -> sqlite3.Connection:
    """A store, opened as SQLite advises for a file that another may have written (sqlite.org/security.html)."""
    if not _is_ours(path):
        raise sqlite3.OperationalError("no store of this user's")
    store = sqlite3.connect(path, check_same_thread=False)  # one thread after the other
    store.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * MOST_BYTES)
    with contextlib.suppress(sqlite3.Error):
        store.executescript("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    return store


def film_key(row: Row) -> bytes:
    """A film as it was: a changed file has another key. A digest, because a path can hold a name."""
    return sha256(f"{row.file}|{row.bytes}|{row.modified}".encode("utf-8", "surrogatepass")).digest()
