"""The files of one run: written as rows come, safe against a kill at any moment.

NAME.csv           the finished list
NAME.csv.part      the list while it is being written, always a prefix of the finished one
NAME.csv.sums      a digest for each write to it: what it holds is believed no further
NAME.csv.prev      rows of an interrupted run that the new .part has not reached yet
NAME.csv.lock      held by the running process
NAME.csv.run.json  the run report: says, too, which settings made the rows
NAME.csv.films     a folder with small pictures of the films, until the page is made

A run always writes its .part from the start, in discovery's order. Rows that an earlier run has made and
that still hold (same path, size and time) are copied instead of scored. They come from `.prev` and from
`NAME.csv`; both stay until the new list is whole, so a kill loses nothing.
"""

import contextlib
import filecmp
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from ..disk.overwrite import made_here, start_of, unreadable
from ..disk.replace import (
    Ours,
    create,
    failure,
    move,
    remove_left,
    replace_bytes,
    replacing,
    require_plain,
    write_all,
    writing,
)
from ..errors import OutputError
from ..find.mounts import Place
from .earlier import (
    EarlierRow,
    Sums,
    is_altered_list,
    is_proven,
    merged,
    proven_bytes,
    put_together,
    require_sums,
    rows_of,
    set_aside,
)
from .own_files import own_files, pictures_folder
from .run_report import RunReport, State, digest_of, is_damaged_report, require_report_or_damaged
from .table import HEADER, Row, encode, read_rows, require_list

_require_lock_owner = made_here("lock", b'{"pid": ', b', "started": "')

#: Settings of a list, as its user calls them.
_SETTINGS = {
    "only": "choice of films",
    "points": "pair of operating points",
    "max_pixels": "--max-megapixels",
    "max_bytes": "--max-megabytes",
}


class Output:
    """The output of one run. Use as a context manager: it holds the lock.

    settings: what shapes a row (engine, options); rows made with other settings are never mixed in.
    may_change: settings that may be others than the list's: its films are then scored again, none of its rows is kept,
    and the list stands until the new one is whole (`outdated`).
    others: what else the run will write, and how its own is known again: looked at before anything is scanned.
    last: a list of an earlier night, made under another name: its rows that still hold are taken over. It is only read.
    Raises OutputError when the output is locked, unwritable, or was made with other settings.
    """

    def __init__(
        self,
        path: Path,
        settings: dict[str, Any],
        *,
        restart: bool = False,
        may_change: tuple[str, ...] = (),
        others: Mapping[Path, Ours] | None = None,
        last: Path | None = None,
    ) -> None:
        self.path = path
        self._last = last
        self.last_differs: tuple[str, ...] = ()  #: settings that are others than the last list's: none of its rows is
        self.part = path.with_name(path.name + ".part")
        self.prev = path.with_name(path.name + ".prev")
        self.sums = path.with_name(path.name + ".sums")
        self.lock_file = path.with_name(path.name + ".lock")
        self.pictures = pictures_folder(path)
        self.set_aside: list[Path] = []  #: lists that could not be relied on, under their new names
        self.page = ""  #: sha256 of the page of the last finished run (RunReport.page)
        self._settings = settings
        self._restart = restart
        self._may_change = may_change
        self.outdated = False  #: what stood at `path` was made with other settings
        self.mounts: dict[str, Place] = {}  #: of the last run, then of this: for the run report
        self._whole = False
        self._others = others or {}
        self._proven: list[str] = []  # digests of what may be relied on: the list's, and .prev's
        self._part_stream: BinaryIO | None = None
        self._sums: Sums | None = None

    @property
    def own_files(self) -> tuple[Path, ...]:
        """Never scanned, should the output stand inside the scanned folder."""
        return (*own_files(self.path), *self._others)

    @property
    def _owner_file(self) -> Path:
        return self.lock_file.with_name(self.lock_file.name + ".json")

    def __enter__(self) -> "Output":
        if self.path.is_dir():
            raise OutputError(f"{self.path} is a folder: give --out a file name, such as {self.path / 'triage.csv'}")
        if not self.path.parent.is_dir():
            raise OutputError(f"the folder {self.path.parent} does not exist: make it, or give another --out")
        self._require_own()
        self._lock = FileLock(self.lock_file)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            if not self.lock_file.exists():  # some refusals to write look like a lock that another holds
                raise OutputError(f"cannot write in {self.path.parent}: give another --out") from None
            raise OutputError(f"another run is writing {self.path}{self._owner()}: wait for it, or end it") from None
        except OSError as error:
            raise failure(self.path, error) from None
        try:
            with writing(self.path):
                content = json.dumps({"pid": os.getpid(), "started": _now()})
                replace_bytes(self._owner_file, content.encode(), _require_lock_owner, private=True)
                for path in self.own_files:
                    remove_left(path)
                self._prepare()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self._close()
        # What a run reads again of its own: the list, its earlier state, other formats. Amid a stream no name is told;
        # a film's name is told of nobody's list, wherever it lies.
        if isinstance(error, OSError) and not isinstance(error, ConnectionError):
            path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else self.path
            if path in self.own_files:
                raise unreadable(path, error) from None

    def earlier(self, outdated: bool = False) -> Iterator[EarlierRow]:
        """Rows of earlier runs, in discovery's order; of two rows for one file the interrupted run's counts.

        outdated: those of a list that other settings made, too, which are not to be kept.
        """
        sources = [rows_of(self.prev, finished=False)] if self.prev.exists() else []
        if self.path.exists() and (outdated or not self.outdated):
            sources.append(rows_of(self.path, finished=True, usable=not self.outdated))
        if self._last is not None and (outdated or not self.last_differs):
            # Behind the others: of two rows for a film theirs are later.
            sources.append(rows_of(self._last, finished=True, usable=not self.last_differs))
        return merged(sources)

    def write(self, rows: list[Row]) -> None:
        """Append rows and hand them to the operating system. Raises StorageError."""
        self._append(encode(rows))

    def finish(self, resolve: Callable[[Row], Row] | None) -> bool:
        """Make the part the finished list; `resolve` may change rows whose fate hung on later ones.

        Returns True when a finished list with the same content stood there already.
        """
        assert self._part_stream is not None
        with writing(self.path):
            os.fsync(self._part_stream.fileno())
            self._part_stream.close()
            if resolve is not None:
                _rewrite(self.part, resolve)
            unchanged = self.path.exists() and filecmp.cmp(self.part, self.path, shallow=False)
            digest = digest_of(self.part)
            if unchanged:
                self.part.unlink()
            else:
                self._proven.append(digest)  # before the list stands there: killed in between, it is proven still
                self.write_report(State.RUNNING, {"started": _now()})
                move(self.part, self.path)
            for path in (self.prev, self.sums):
                path.unlink(missing_ok=True)
            self._proven = [digest]
        self._whole = True
        return unchanged

    def write_report(self, state: State, facts: dict[str, Any], manifest: dict[str, Any] | None = None) -> None:
        """Replace the run report; settings and digests are added. Raises StorageError."""
        with writing(self.path):
            outdated = self.outdated and not self._whole
            RunReport(
                state,
                self._settings,
                tuple(self._proven),
                mounts=self.mounts,
                outdated=outdated,
                manifest=manifest or {},
                page=self.page,
                facts=facts,
            ).write(self.path)

    def _append(self, content: bytes) -> None:
        assert self._part_stream is not None
        assert self._sums is not None
        with writing(self.path):
            write_all(self._part_stream, content)
            self._sums.add(content)

    def _require_own(self) -> None:
        """Raise OutputError for whatever stands at a side name and is not xscan's."""
        for path, ours in {
            self._owner_file: _require_lock_owner,
            self.lock_file: _require_empty,
            self.sums: require_sums,
            self.path.with_name(self.path.name + ".run.json"): require_report_or_damaged,
            **self._others,
        }.items():
            require_plain(path)
            ours(path)
        self.pictures.require_own()

    def _prepare(self) -> None:
        """Prove what an earlier run left, keep its rows aside, and open an empty part."""
        named = self.path.with_name(self.path.name + ".run.json")
        if is_damaged_report(named):
            self.set_aside.append(set_aside(named))
        report = RunReport.read(self.path)
        self.mounts = report.mounts if report is not None else {}
        self.page = report.page if report is not None else ""
        for path in (self.path, self.part, self.prev):
            if is_altered_list(path, report):
                self.set_aside.append(set_aside(path))
        if self._restart:
            for path in (self.part, self.prev, self.path, self.sums):
                path.unlink(missing_ok=True)
        elif any(path.exists() for path in (self.path, self.part, self.prev)) and report is not None:
            self._check_settings(report)
        proven, altered = proven_bytes(self.part, self.sums) if self.part.exists() else (0, False)
        for path in (self.path, self.prev):
            if is_proven(path, report):
                self._proven.append(digest_of(path))
            elif path.exists():
                self.set_aside.append(set_aside(path))
        if not self.path.exists():
            self.outdated = False  # it went, after it had been outdated
        if proven > len(HEADER):
            self._put_together(proven)
        if altered:
            self.set_aside.append(set_aside(self.part))
        self._look_at_last()
        for path in (self.part, self.sums):
            path.unlink(missing_ok=True)
        # First: a part without it could not be carried on.
        self.write_report(State.RUNNING, {"started": _now()})
        self._part_stream = os.fdopen(create(self.part, private=True), "wb", buffering=0)
        self._sums = Sums(os.fdopen(create(self.sums, private=True), "wb", buffering=0))
        self._append(HEADER)

    def _look_at_last(self) -> None:
        """Of the list of an earlier night: is it as xscan wrote it, and were its rows made as this run's will be?"""
        report = RunReport.read(self._last) if self._last is not None and not self._restart else None
        if self._last is None or report is None or report.outdated or not is_proven(self._last, report):
            self._last = None
            return
        self.mounts = self.mounts or report.mounts  # the first list of a day hears where the films lay last night
        self.page = self.page or report.page
        keys = self._settings.keys() | report.settings.keys()
        self.last_differs = tuple(sorted(key for key in keys if self._settings.get(key) != report.settings.get(key)))

    def _put_together(self, proven: int) -> None:
        """Bring .prev up to the part: an interrupted run's rows, and those of an earlier one behind them."""

        def announce(digest: str) -> None:
            self._proven.append(digest)
            self.write_report(State.RUNNING, {"started": _now()})

        put_together(self.prev, self.part, proven, announce)

    def _check_settings(self, report: RunReport) -> None:
        if report.state in (State.TRIAGED, State.MERGED):
            raise OutputError(
                f"{self.path} is a {report.state} list, not one of a batch: choose another --out, or add --restart"
            )
        keys = self._settings.keys() | report.settings.keys()
        changed = sorted(key for key in keys if self._settings.get(key) != report.settings.get(key))
        self.outdated = report.outdated
        if changed and set(changed) <= set(self._may_change):
            self.outdated = True
            for path in (self.part, self.prev, self.sums):
                path.unlink(missing_ok=True)
        elif changed:
            what = ", ".join(_SETTINGS.get(key, key) for key in changed)
            raise OutputError(f"{self.path} was made with another {what}: choose another --out, or add --restart")

    def _owner(self) -> str:
        try:
            owner = json.loads(self._owner_file.read_text(encoding="utf-8"))
            return f" (process {owner['pid']}, since {owner['started']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _close(self) -> None:
        for stream in (self._part_stream, self._sums):
            if stream is not None:
                stream.close()
        # The lock itself is the operating system's and dies with the process; the files are only for people.
        with contextlib.suppress(OSError):
            self._owner_file.unlink(missing_ok=True)
        # While it is held: whoever opened it meanwhile sees that it is gone, and takes another. filelock before 3.21
        # did not look, and from 3.21 to 3.32 it removed the next run's, too.
        with contextlib.suppress(OSError):
            self.lock_file.unlink(missing_ok=True)
        self._lock.release()


def is_running(csv: Path) -> bool:
    """Whether a process holds a list's lock; the file alone says nothing, a killed run leaves it."""
    file = csv.with_name(csv.name + ".lock")
    if not file.exists() or start_of(file):
        return False
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _require_empty(path: Path) -> None:
    if start_of(path):
        raise OutputError(f"{path} exists and is no lock of xscan: rename it, or give another --out")


def _rewrite(path: Path, change: Callable[[Row], Row]) -> None:
    with path.open("rb") as old, replacing(path, require_list, private=True) as new:
        new.write(HEADER)
        for row in read_rows(old):
            new.write(encode([change(row)]))


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
