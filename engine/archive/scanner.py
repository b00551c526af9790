"""What an actor does, on whichever node it runs: a block of the inventory in, its rows out.

The films are read in worker processes under a batch's own supervision (xscan.engine.batch.pool), so a film that crashes
or hangs its decoder costs itself and not the actor. Imports neither Ray nor pyarrow, and botocore for a bucket alone.
"""

import contextlib
import hashlib
import os
import socket
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from ..batch.doors import doors
from ..batch.lost_input import LostInput
from ..batch.messages import Job, WorkerSettings
from ..batch.pool import Pool
from ..batch.run import LOST, require_folder
from ..disk.scratch import scratch
from ..errors import DeviceLost, EngineError, StorageError, UsageError, XscanError
from ..find.found import Found
from ..lists.table import COLUMNS, Row
from ..network.sidecar import read_sidecar
from .bucket import Bucket
from .fetch import CHANGED, Ahead, Fetcher
from .settings import ActorSettings, micros

#: Errors that no other node would be spared, or that a person must mend: they end the run.
_FINAL = (UsageError, StorageError, EngineError)
_OWN = (DeviceLost,)  #: but these

#: Of an answer: its rows as lists of cells; or an error, by its name, for the whole run or for this actor alone.
Answer = dict[str, Any]


class Scanner:
    """Used by one caller at a time."""

    def __init__(self, settings: ActorSettings) -> None:
        self._given = settings
        self._settings = settings.batch
        self._open = contextlib.ExitStack()
        self._pool: Pool | None = None
        self._fetcher: Fetcher | None = None
        for name, value in settings.environment.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        # A worker process starts with what its parent's main program imports: here that of Ray, which no film needs.
        vars(sys.modules["__main__"]).pop("__file__", None)

    def ready(self) -> Answer:
        """Open the engine and the source; says what this node runs."""
        return self._answered(self._start)

    def scan(self, files: list[Found]) -> Answer:
        """The rows of the files, in their order, and the seconds spent by stage."""
        return self._answered(lambda: self._scan(files))

    def close(self) -> None:
        self._open.close()

    def _answered(self, act: Any) -> Answer:
        """Errors as plain data: a library's own would hold paths, which are no business of its logs."""
        try:
            return act()
        except XscanError as error:
            final = isinstance(error, _FINAL) and not isinstance(error, _OWN)
            return {"error": str(error), "kind": type(error).__name__, "final": final}

    def _start(self) -> Answer:
        settings = self._settings
        self._open_source()
        engine = settings.engine if self._given.build is None else self._given.build(settings.engine)
        worker = WorkerSettings(engine, settings.limits, None, settings.points, settings.mend)
        door = self._open.enter_context(doors(engine, settings.workers, settings.batch_size, settings.one_owner))
        pool = self._open.enter_context(Pool(worker, settings.workers, settings.file_seconds, door=door))
        ready = pool.wait_ready()
        self._pool = pool
        # Engines of one network differ from card to card: then it is the network that must be the same.
        made = ready.sha256 if self._given.build is None else read_sidecar(engine).sha256["source"]
        return {"node": socket.gethostname(), "engine": made, "runtime": ready.runtime} | versions()

    def _open_source(self) -> None:
        if self._given.bucket:
            try:
                bucket = Bucket(self._given.bucket)
                bucket.require()
            except XscanError as error:
                raise type(error)(f"node {socket.gethostname()}: {error}") from None
            folder = self._open.enter_context(scratch())
            self._fetcher = Fetcher(bucket, folder, self._settings.limits)
            self._open.callback(self._fetcher.threads.shutdown, cancel_futures=True)
            return
        folder = self._settings.folder
        try:
            require_folder(folder)
        except UsageError:
            raise StorageError(
                f"node {socket.gethostname()} cannot list {folder}: mount it there, at the same place"
            ) from None
        self._input = LostInput(folder, {})
        for shown, path in self._given.mounts.items():
            self._input.mounted(shown, path)

    def _scan(self, files: list[Found]) -> Answer:
        assert self._pool is not None
        before = dict(self._pool.seconds)
        rows = self._of_folder(files) if self._fetcher is None else self._of_bucket(files, self._fetcher)
        spent = {stage: seconds - before.get(stage, 0.0) for stage, seconds in self._pool.seconds.items()}
        return {"rows": [[getattr(row, name) for name in COLUMNS] for row in rows], "seconds": spent}

    def _of_folder(self, files: list[Found]) -> list[Row]:
        assert self._pool is not None
        if any(map(_has_changed, files)):
            raise UsageError(CHANGED)
        given = iter(files)
        batches = iter(lambda: list(islice(given, self._settings.batch_size)), [])
        jobs = (Job(number, batch) for number, batch in enumerate(batches))
        rows = [row for done in self._pool.run(lambda: next(jobs, None), lambda: True) for row in done.rows]
        if any(row.code in LOST and self._input.is_away(f.path) for row, f in zip(rows, files, strict=True)):
            raise StorageError(
                f"the source is gone from node {socket.gethostname()}, or a disk in it: bring it back and run the "
                "same command again"
            )
        return rows

    def _of_bucket(self, files: list[Found], fetcher: Fetcher, whole: bool = False) -> list[Row]:
        assert self._pool is not None
        ahead = Ahead(fetcher, files, self._settings.batch_size, whole)
        rows: list[Row] = []
        for done in self._pool.run(ahead.next_job, ahead.at_end):
            rows += done.rows
            ahead.done(done.number)
        if files and ahead.denied == len(files):
            raise UsageError(f"node {socket.gethostname()} may list the bucket and read nothing: permit s3:GetObject")
        undecided = [n for n, row in enumerate(rows) if not whole and fetcher.is_undecided(files[n], row)]
        if undecided:
            again = self._of_bucket([files[n] for n in undecided], fetcher, whole=True)
            for n, row in zip(undecided, again, strict=True):
                rows[n] = row
        return rows


def _has_changed(found: Found) -> bool:
    """Whether a file has another size or time than in the inventory. One that is gone has not: its row says so."""
    if found.problem is not None:
        return False
    try:
        status = os.stat(found.path)
    except OSError:
        return False
    same_size = found.member is not None or status.st_size == found.bytes
    return not same_size or micros(status.st_mtime_ns) != micros(found.modified_ns)


def versions() -> dict[str, str]:
    """What must be the same on every node, for the rows to be the same."""
    from importlib.metadata import version

    packages = ("xscan", "numpy", "opencv-python-headless", "onnxruntime", "pydicom", "imagecodecs", "simplejpeg")
    return {package: version(package) for package in packages} | {"code": _code()}


def _code() -> str:
    """A digest of the modules that make a row: two checkouts can bear one version."""
    digest = hashlib.sha256()
    engine = Path(__file__).parent.parent
    for path in sorted(engine.rglob("*.py")):
        digest.update(path.relative_to(engine).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
