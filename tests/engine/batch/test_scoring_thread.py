"""The network in the main process: same list as with workers that score themselves, and what happens when it fails."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from xscan.engine.batch.run import run_batch
from xscan.engine.batch.scoring_thread import RemoteRuntime, Scorer
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.errors import DeviceLost, EngineError
from xscan.engine.network.sidecar import sha256
from xscan.engine.runtime.lanes import OneLane
from xscan.engine.runtime.open import open_runtime
from xscan.engine.runtime.protocol import Closing

from ...calibration import networks


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    path.write_bytes(networks.residual().SerializeToString())
    return path


class Lanes(Closing):
    """A runtime of two lanes that notes what it is told; results are each film's mean."""

    manifest = networks.MANIFEST
    description = "fake"
    sha256 = "f" * 64
    lanes = 2
    largest = 4

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.events: list[str] = []
        self.started: dict[int, np.ndarray] = {}
        self.fail: EngineError | None = None

    def pin(self, memory: np.ndarray) -> None:
        assert memory.ctypes.data % 4096 == 0
        self.events.append("pin")

    def start(self, lane: int, pictures: np.ndarray) -> None:
        assert threading.get_ident() == self.thread
        assert lane not in self.started
        assert pictures.ctypes.data % 4096 == 0
        if self.fail is not None:
            raise self.fail
        self.started[lane] = pictures
        self.events.append(f"start {lane}")

    def finish(self, lane: int) -> dict[str, np.ndarray]:
        assert threading.get_ident() == self.thread
        self.events.append(f"finish {lane}")
        pictures = self.started.pop(lane)
        mean = pictures.mean(axis=(1, 2, 3)).astype(np.float32)
        return {"logits": np.stack([mean] * 3, axis=1), "maps": np.zeros((len(pictures), 2, 2, 3))}

    def close(self) -> None:
        assert threading.get_ident() == self.thread
        self.events.append("close")


@pytest.fixture
def lanes() -> Iterator[tuple[Lanes, Scorer]]:
    made: list[Lanes] = []

    def open_lanes() -> Lanes:
        made.append(Lanes())
        return made[0]

    with Scorer(open_lanes, workers=2, films=8) as scorer:
        yield made[0], scorer
    assert made[0].events[-1] == "close"


def test_a_door_answers_with_the_networks_outputs(network: Path):
    expected = open_runtime(network)
    pictures = networks.pictures(19)
    with Scorer(lambda: OneLane(open_runtime(network)), workers=1, films=8) as scorer:
        remote = scorer.door().open()
        assert remote.manifest == networks.MANIFEST
        outputs = remote.outputs(pictures)  # more than a slot holds
        assert set(outputs) == {"logits", "maps", "gate"}
        assert np.array_equal(outputs["logits"], np.concatenate([expected.run(p) for p in np.split(pictures, [8, 16])]))
        room = remote.room(5)
        room[...] = pictures[:5]
        assert np.array_equal(remote.run(room), expected.run(pictures[:5]))
        del room, remote


def test_slots_are_no_larger_than_the_runtimes_largest_batch(lanes: tuple[Lanes, Scorer]):
    remote = lanes[1].door().open()
    assert len(remote.room(4)) == 4
    pictures = networks.pictures(7)
    assert remote.run(pictures)[:, 0] == pytest.approx(pictures.mean(axis=(1, 2, 3)))
    assert len(remote.room(7)) == 7


def test_workers_get_their_own_answers(lanes: tuple[Lanes, Scorer]):
    runtime, scorer = lanes
    wrong: list[int] = []

    def work(seed: int) -> None:
        remote = scorer.door().open()
        for number in range(40):
            pictures = networks.pictures(1 + number % 4, seed=seed * 100 + number)
            if not np.allclose(remote.run(pictures)[:, 2], pictures.mean(axis=(1, 2, 3))):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert {"start 0", "start 1"} <= set(runtime.events)


def test_an_error_of_one_batch_reaches_that_worker_only(lanes: tuple[Lanes, Scorer]):
    runtime, scorer = lanes
    remote = scorer.door().open()
    runtime.fail = EngineError("this batch is too odd")
    with pytest.raises(EngineError, match="too odd"):
        remote.run(networks.pictures(2))
    runtime.fail = None
    assert remote.run(networks.pictures(2)).shape == (2, 3)


def test_a_lost_device_is_told_to_all(lanes: tuple[Lanes, Scorer]):
    runtime, scorer = lanes
    first, second = scorer.door().open(), scorer.door().open()
    runtime.fail = DeviceLost("the GPU fell off the bus")
    with pytest.raises(DeviceLost, match="fell off"):
        first.run(networks.pictures(2))
    with pytest.raises(DeviceLost):
        second.run(networks.pictures(2))
    with pytest.raises(DeviceLost):
        second.run(networks.pictures(2))


def test_slots_of_workers_that_ended_come_back(lanes: tuple[Lanes, Scorer]):
    _, scorer = lanes
    for _ in range(30):  # many more than there are slots
        door = scorer.door()
        remote: RemoteRuntime = door.open()
        assert remote.run(networks.pictures(1)).shape == (1, 3)
        del remote
        door.connection.close()


@pytest.mark.parametrize("kind", [EngineError, SystemError])  # ours; anything that a binding may raise
def test_a_runtime_that_cannot_be_opened_ends_before_it_begins(kind: type[Exception]):
    def broken() -> OneLane:
        raise kind("no GPU here")

    with pytest.raises(kind, match="no GPU here"), Scorer(broken, workers=1, films=8):
        pytest.fail("opened")


def test_the_list_is_the_same_as_with_workers_that_score_themselves(network: Path, phantoms: Path, tmp_path: Path):
    stop = threading.Event()
    settings = BatchSettings(phantoms, tmp_path / "a.csv", network, workers=2, batch_size=3)
    own = run_batch(settings, stop)
    summary = run_batch(replace(settings, out=tmp_path / "b.csv", one_owner=True), stop)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert summary.scored == own.scored > 0
    assert summary.runtime.startswith("onnxruntime")


class LostAtOnce(Lanes):
    def __init__(self, network: Path) -> None:
        super().__init__()
        self.sha256 = sha256(network.read_bytes())

    def start(self, lane: int, pictures: np.ndarray) -> None:
        raise DeviceLost("the GPU stopped answering (test)")


def test_a_batch_whose_device_is_lost_ends_and_is_carried_on(
    network: Path, phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = BatchSettings(phantoms, tmp_path / "a.csv", network, workers=2, batch_size=3, one_owner=True)
    with monkeypatch.context() as patched:
        patched.setattr("xscan.engine.runtime.engines.open_lanes", LostAtOnce)
        with pytest.raises(DeviceLost) as caught:
            run_batch(settings, threading.Event())
        assert caught.value.exit_code == 4
    deadline = time.monotonic() + 10
    while active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run_batch(settings, threading.Event()).scored > 0
