"""A cluster of this machine alone is started again where it is slow to start, or ends before its time."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

from xscan.engine.archive import cluster as clusters
from xscan.engine.archive import run as runs
from xscan.engine.archive.run import run_archive
from xscan.engine.archive.settings import LOCAL, ArchiveSettings
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.errors import ClusterGone, StorageError
from xscan.engine.lists.table import read_rows
from xscan.engine.network.sidecar import sha256
from xscan.engine.runtime.open import find_engine

from .played import HERE, Played, rows

ENGINE = find_engine("compact")


class Ending(Played):
    """Ends, as a whole, when so many blocks are done."""

    left = 0

    def wait(self, references: list[Any], **more: Any) -> tuple[list[Any], list[Any]]:
        if not self.left:
            raise OSError("ray says much")
        return super().wait(references, **more)

    def get(self, reference: Callable[[], Any]) -> Any:
        said = super().get(reference)
        self.left -= "rows" in said
        return said


@pytest.fixture
def archive(phantoms: Path, tmp_path: Path) -> Callable[..., ArchiveSettings]:
    batch = BatchSettings(phantoms, tmp_path / "triage.csv", ENGINE, 1)
    return lambda address: ArchiveSettings(batch, tmp_path, address, block=2)


def play(monkeypatch: pytest.MonkeyPatch, *blocks: int) -> list[int]:
    """Clusters that end after so many blocks each. Returns how many blocks each had done, as they are started."""
    started: list[int] = []
    here = HERE | {"engine": sha256(ENGINE.read_bytes())}

    @contextmanager
    def cluster(_: ArchiveSettings) -> Iterator[Played]:
        made = Ending(lambda: here, rows)
        made.left = blocks[len(started)]
        started.append(made.left)
        yield made

    monkeypatch.setattr(runs, "cluster", cluster)
    return started


def test_it_goes_on_where_blocks_were_done(
    monkeypatch: pytest.MonkeyPatch, archive: Callable[..., ArchiveSettings], phantoms: Path
) -> None:
    started = play(monkeypatch, 2, 1, 999)
    summary = run_archive(archive(LOCAL), threading.Event())
    assert len(started) == 3
    assert not summary.interrupted
    with archive(LOCAL).batch.out.open("rb") as stream:
        assert [row.file for row in read_rows(stream)] == sorted(path.name for path in phantoms.iterdir())


@pytest.mark.parametrize(("address", "blocks"), [(LOCAL, (0,)), (LOCAL, (1, 0)), ("head:6379", (1,))])
def test_where_none_was_done_and_on_others_clusters_the_run_ends(
    monkeypatch: pytest.MonkeyPatch, archive: Callable[..., ArchiveSettings], address: str, blocks: tuple[int, ...]
) -> None:
    started = play(monkeypatch, *blocks)
    with pytest.raises(ClusterGone, match="run the same command again") as told:
        run_archive(archive(address), threading.Event())
    assert "ray says much" not in str(told.value)
    assert len(started) == len(blocks)
    assert told.value.exit_code == 5


@pytest.mark.skipif(not os.path.exists("/proc"), reason="finds Ray's processes through /proc")
@pytest.mark.parametrize("slow", [True, False])
def test_a_start_that_failed_leaves_no_processes_and_is_repeated(
    monkeypatch: pytest.MonkeyPatch, archive: Callable[..., ArchiveSettings], slow: bool
) -> None:
    """Ray's own, that it leaves when they were too slow for it, would make the next start slower still."""
    left: list[subprocess.Popen] = []

    def init(**_: Any) -> None:
        if len(left) < 4:
            left.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
            raise RuntimeError("the current node timed out")

    played = ModuleType("ray")
    vars(played).update(init=init, shutdown=lambda: None)
    monkeypatch.setattr(clusters, "SLOW_S", 0.0 if slow else 20.0)
    monkeypatch.setattr(clusters, "require", lambda *_: None)
    monkeypatch.setitem(sys.modules, "ray", played)
    try:
        if slow:
            with clusters.cluster(archive(LOCAL)):
                pass
        else:
            with pytest.raises(StorageError, match="Ray does not start"), clusters.cluster(archive(LOCAL)):
                pass
        assert len(left) == (4 if slow else clusters.STARTS)
        assert [process.wait(60) for process in left] == [-9] * len(left)
    finally:
        for process in left:
            process.kill()
            process.wait()
