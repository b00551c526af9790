"""What an actor does, on whichever node it runs: a block of the inventory in, its rows out.

The films are read in worker processes under a batch's own supervision (xscan.engine.batch.pool), so a film that crashes
or hangs its decoder costs itself and not the actor. Imports neither Ray nor pyarrow.
"""

import contextlib
import hashlib
import os
import socket
import sys
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ..batch.doors import doors
from ..batch.lost_input import LostInput
from ..batch.messages import Job, WorkerSettings
from ..batch.pool import Pool
from ..batch.run import LOST, require_folder
from ..batch.settings import BatchSettings
from ..errors import DeviceLost, EngineError, StorageError, UsageError, XscanError
from ..find.found import Found
from ..lists.table import COLUMNS
from .settings import micros

#: Errors that no other node would be spared, or that a person must mend: they end the run.
_FINAL = (UsageError, StorageError, EngineError)
_OWN = (DeviceLost,)  #: but these

#: Of an answer: its rows as lists of cells; or an error, by its name, for the whole run or for this actor alone.
Answer = dict[str, Any]


class Scanner:
    """settings: of the batch that would make the same list. mounts: folders of the source on other file systems."""

    def __init__(self, settings: BatchSettings, mounts: Mapping[str, str]) -> None:
        self._settings = settings
        self._mounts = mounts
        self._open = contextlib.ExitStack()
        self._pool: Pool | None = None
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
        try:
            require_folder(settings.folder)
        except UsageError:
            raise StorageError(
                f"node {socket.gethostname()} cannot list {settings.folder}: mount it there, at the same place"
            ) from None
        self._input = LostInput(settings.folder, {})
        for shown, path in self._mounts.items():
            self._input.mounted(shown, path)
        worker = WorkerSettings(settings.engine, settings.limits, None, settings.points, settings.mend)
        door = self._open.enter_context(
            doors(settings.engine, settings.workers, settings.batch_size, settings.one_owner)
        )
        pool = self._open.enter_context(Pool(worker, settings.workers, settings.file_seconds, door=door))
        ready = pool.wait_ready()
        self._pool = pool
        return {"node": socket.gethostname(), "engine": ready.sha256, "runtime": ready.runtime} | versions()

    def _scan(self, files: list[Found]) -> Answer:
        pool = self._pool
        assert pool is not None
        changed = sum(_has_changed(found) for found in files)
        if changed:
            raise UsageError(
                f"the inventory no longer fits: {changed} of {len(files)} files of a block have changed since it was "
                "made; add --restart to make it anew"
            )
        given = iter(files)
        batches = iter(lambda: list(islice(given, self._settings.batch_size)), [])
        jobs = (Job(number, batch) for number, batch in enumerate(batches))
        before = dict(pool.seconds)
        rows = [row for done in pool.run(lambda: next(jobs, None), lambda: True) for row in done.rows]
        if any(row.code in LOST and self._input.is_away(f.path) for row, f in zip(rows, files, strict=True)):
            raise StorageError(
                f"the source is gone from node {socket.gethostname()}, or a disk in it: bring it back and run the "
                "same command again"
            )
        spent = {stage: seconds - before.get(stage, 0.0) for stage, seconds in pool.seconds.items()}
        return {"rows": [[getattr(row, name) for name in COLUMNS] for row in rows], "seconds": spent}


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
