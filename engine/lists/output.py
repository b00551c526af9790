"""The files of one run: written as rows come, safe against a kill at any moment.

NAME.csv        the finished list
NAME.csv.part   the list while it is being written, always a prefix of the finished one
NAME.csv.prev   rows of an interrupted run that the new .part has not reached yet
NAME.csv.lock   held by the running process
NAME.run.json   the run report: says, too, which settings made the rows
NAME.csv.films  a folder with small pictures of the films, until the page is made

A run always writes its .part from the start, in discovery's order. Rows that an earlier run has made and
that still hold (same path, size and time) are copied instead of scored. They come from `.prev` and from
`NAME.csv`; both stay until the new list is whole, so a kill loses nothing.
"""

import contextlib
import filecmp
import heapq
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..disk.own_folder import OwnFolder
from ..disk.replace import create, failure, move, replace_bytes, replacing
from ..errors import OutputError
from ..find.found import order_key
from .run_report import OUTDATED, require_report
from .table import HEADER, Row, encode, read_rows, require_list


@dataclass(frozen=True)
class EarlierRow:
    row: Row
    finished: bool  #: from a finished list, not from an interrupted run


class Output:
    """The output of one run. Use as a context manager: it holds the lock.

    settings: what shapes a row (engine, options); rows made with other settings are never mixed in.
    may_change: settings that may be others than the list's: its films are then scored again, none of its rows is kept,
    and the list stands until the new one is whole (`outdated`).
    Raises OutputError when the output is locked, unwritable, or was made with other settings.
    """

    def __init__(
        self, path: Path, settings: dict[str, Any], *, restart: bool = False, may_change: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.prev = path.with_name(path.name + ".prev")
        self.lock_file = path.with_name(path.name + ".lock")
        self.report = path.with_suffix(".run.json")
        self.pictures = pictures_folder(path)
        self._settings = settings
        self._restart = restart
        self._may_change = may_change
        self.outdated = False  #: what stood at `path` was made with other settings
        self._whole = False
        self._part_stream = None

    @property
    def own_files(self) -> tuple[Path, ...]:
        """Never scanned, should the output stand inside the scanned folder."""
        beside = [self.path.with_suffix(suffix) for suffix in (".html", ".jsonl", ".parquet")]
        own = [self.path, self.part, self.prev, self.lock_file, self._owner_file, self.report, *beside]
        own.append(self.pictures.path)
        return tuple(own)

    @property
    def _owner_file(self) -> Path:
        return self.lock_file.with_name(self.lock_file.name + ".json")

    def __enter__(self) -> "Output":
        if self.path.is_dir():
            raise OutputError(f"{self.path} is a folder: give --out a file name, such as {self.path / 'triage.csv'}")
        if not self.path.parent.is_dir():
            raise OutputError(f"the folder {self.path.parent} does not exist: make it, or give another --out")
        self._lock = FileLock(self.lock_file)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            if not self.lock_file.exists():  # some refusals to write look like a lock that another holds
                raise OutputError(f"cannot write in {self.path.parent}: give another --out") from None
            raise OutputError(f"another run is writing {self.path}{self._owner()}: wait for it, or end it") from None
        except OSError:
            raise OutputError(
                f"cannot write in {self.path.parent}: check its permissions, or give another --out"
            ) from None
        try:
            with _storage(self.path):
                content = json.dumps({"pid": os.getpid(), "started": _now()})
                replace_bytes(self._owner_file, content.encode(), require_report, private=True)
                self._prepare()
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._part_stream is not None:
            self._part_stream.close()
        self._unlock()

    def earlier(self) -> Iterator[EarlierRow]:
        """Rows of earlier runs, in discovery's order; of two rows for one file the interrupted run's counts."""
        sources = [(self.prev, False)] + ([] if self.outdated else [(self.path, True)])
        streams = (_rows_of(path, finished) for path, finished in sources if path.exists())
        merged = heapq.merge(*streams, key=lambda e: (order_key(e.row.file), e.finished))
        for _, same in groupby(merged, key=lambda e: e.row.file):
            yield next(same)

    def write(self, rows: list[Row]) -> None:
        """Append rows and hand them to the operating system. Raises StorageError."""
        assert self._part_stream is not None
        content = memoryview(encode(rows))
        with _storage(self.path):
            while content:
                content = content[self._part_stream.write(content) :]

    def finish(self, settle: Callable[[Row], Row] | None) -> bool:
        """Make the part the finished list; `settle` may change rows whose fate hung on later ones.

        Returns True when a finished list with the same content stood there already.
        """
        assert self._part_stream is not None
        with _storage(self.path):
            os.fsync(self._part_stream.fileno())
            self._part_stream.close()
            if settle is not None:
                _rewrite(self.part, settle)
            unchanged = self.path.exists() and filecmp.cmp(self.part, self.path, shallow=False)
            if unchanged:
                self.part.unlink()
            else:
                move(self.part, self.path)
            self.prev.unlink(missing_ok=True)
        self._whole = True
        return unchanged

    def write_report(self, content: dict[str, Any]) -> None:
        """Replace the run report; the settings are added. Raises StorageError."""
        outdated = {"list": OUTDATED} if self.outdated and not self._whole else {}
        with _storage(self.path):
            text = json.dumps({"settings": self._settings} | outdated | content, indent=1) + "\n"
            replace_bytes(self.report, text.encode(), require_report, private=True)

    def _prepare(self) -> None:
        """Check what an earlier run left, keep its rows aside, and open an empty part."""
        for path in (self.path, self.part, self.prev):
            require_list(path)
        self.pictures.require_own()
        if self._restart:
            for path in (self.part, self.prev, self.path):
                path.unlink(missing_ok=True)
        left = [path for path in (self.path, self.part, self.prev) if path.exists()]
        if left:
            self._check_settings(left[0])
            if self.outdated and not self.path.exists():
                self.outdated = False  # it went, after it had been set aside
        if self.part.exists():
            if self.prev.exists():  # killed before the part had caught up: both hold rows worth keeping
                with replacing(self.prev, require_list, private=True) as stream:
                    stream.write(HEADER)
                    streams = [_rows_of(self.part, False), _rows_of(self.prev, True)]
                    rows = heapq.merge(*streams, key=lambda e: (order_key(e.row.file), e.finished))
                    for _, same in groupby(rows, key=lambda e: e.row.file):
                        stream.write(encode([next(same).row]))
                self.part.unlink()
            else:
                move(self.part, self.prev)
        self.write_report({"state": "running", "started": _now()})  # first: a part without it could not be carried on
        self._part_stream = os.fdopen(create(self.part, private=True), "wb", buffering=0)
        self._part_stream.write(HEADER)

    def _check_settings(self, path: Path) -> None:
        try:
            report = json.loads(self.report.read_text(encoding="utf-8"))
            settings = report["settings"]
        except (OSError, ValueError, KeyError, TypeError):
            raise OutputError(
                f"{path} exists and has no run report beside it: choose another --out, or add --restart to replace it"
            ) from None
        keys = self._settings.keys() | settings.keys()
        changed = sorted(key for key in keys if self._settings.get(key) != settings.get(key))
        self.outdated = report.get("list") == OUTDATED
        if changed and set(changed) <= set(self._may_change):
            self.outdated = True
            for path in (self.part, self.prev):
                path.unlink(missing_ok=True)
        elif changed:
            what = ", ".join(changed)
            raise OutputError(f"{path} was made with another {what}: choose another --out, or add --restart")

    def _owner(self) -> str:
        try:
            owner = json.loads(self._owner_file.read_text(encoding="utf-8"))
            return f" (process {owner['pid']}, since {owner['started']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _unlock(self) -> None:
        # The lock itself is the operating system's and dies with the process; the files are only for people.
        with contextlib.suppress(OSError):
            self._owner_file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # while it is held: whoever opened it meanwhile sees that it is gone
            self.lock_file.unlink(missing_ok=True)
        self._lock.release()


def pictures_folder(path: Path) -> OwnFolder:
    """Where workers leave small pictures of the films of the list at `path`."""
    return OwnFolder(path.with_name(path.name + ".films"), _is_picture_store)


#: `PROCESS-TIME.pictures` of a worker, `earlier.pictures` of the page before; SQLite beside them while it writes.
_PICTURE_STORE = re.compile(r"(\d+-\d+|earlier)\.pictures(-journal)?")


def _is_picture_store(path: Path) -> bool:
    if not _PICTURE_STORE.fullmatch(path.name):
        return False
    with path.open("rb") as stream:
        return stream.read(16) in (b"", b"SQLite format 3\0")  # empty: of a process killed at its start


def _rows_of(path: Path, finished: bool) -> Iterator[EarlierRow]:
    with path.open("rb") as stream:
        if not stream.readline().endswith(b"\n"):  # killed before the header was written
            return
        stream.seek(0)
        for row in read_rows(stream):
            yield EarlierRow(row, finished)


def _rewrite(path: Path, change: Callable[[Row], Row]) -> None:
    with path.open("rb") as old, replacing(path, require_list, private=True) as new:
        new.write(HEADER)
        for row in read_rows(old):
            new.write(encode([change(row)]))


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Turn a failure to write into what is told of it; the folder was there when the run began."""
    try:
        yield
    except OSError as error:
        raise failure(path, error, lost=True) from None


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
