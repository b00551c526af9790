"""What the first scoring of a listener finds wrong: a setting ends it, a full disk does not."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xscan.engine.batch.settings import BatchSettings
from xscan.engine.errors import EngineError, OutputError, StorageError, WorkersLost, XscanError
from xscan.engine.pacs import service
from xscan.engine.pacs.settings import ListenSettings
from xscan.engine.pacs.store import Pruned

pytest.importorskip("pynetdicom")


@pytest.mark.parametrize("error", [StorageError("the disk is full"), OutputError("no list"), EngineError("no engine")])
def test_a_full_disk_ends_no_listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: XscanError) -> None:
    """The receiver is a real one; what a batch raises is made up."""
    stop, told = threading.Event(), []

    def full(*_: object) -> None:
        stop.set()
        raise error

    monkeypatch.setattr(service, "run_batch", full)
    settings = ListenSettings(tmp_path / "store", tmp_path / "state", port=0)
    batch = BatchSettings(folder=tmp_path / "store", out=tmp_path / "list.csv", engine=Path("none.onnx"), workers=1)
    if isinstance(error, StorageError):
        service.serve(settings, batch, stop, tell=told.append)
        assert told == [f"scoring failed, and is tried again in a minute; films are received all the same: {error}"]
    else:
        with pytest.raises(type(error), match=str(error)):
            service.serve(settings, batch, stop, tell=told.append)


@pytest.mark.parametrize("error", [EngineError("no engine"), StorageError("the disk is full"), WorkersLost("gone")])
def test_a_later_scoring_that_cannot_be_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: XscanError
) -> None:
    told: list[str] = []

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(service, "run_batch", fails)
    journal: Any = SimpleNamespace(unscored=lambda: ["a study"])
    receiver: Any = SimpleNamespace(settled=False)
    batch = BatchSettings(folder=tmp_path, out=tmp_path / "list.csv", engine=Path("none.onnx"), workers=1)
    stop = threading.Event()
    served = service._Service(
        batch, journal, Pruned(tmp_path), receiver, stop, told.append, lambda _: None, lambda *_: None
    )
    served.score()
    assert told == [f"scoring failed, and is tried again in a minute; films are received all the same: {error}"]
    assert receiver.settled
    assert served.not_before > time.monotonic()
