"""Every command that opens an engine, on the strict stand-in of a GPU: it works, and whatever call fails it ends in one
line with code 4 or 5, breaks no rule and leaves nothing on the device."""

import csv
import gc
import shutil
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from xscan.engine.batch.scoring_thread import Scorer
from xscan.engine.errors import EngineError
from xscan.engine.network.sidecar import onnx_path, sidecar_path
from xscan.engine.runtime.engines import open_lanes
from xscan.engine.runtime.open import open_runtime

from ...calibration import networks
from ...engine.runtime.fakes.card import collected, forget, put
from ...engine.runtime.fakes.driver import Driver
from .conftest import RUNTIMES, Card, Night

pytestmark = pytest.mark.filterwarnings("default")

SIZES = (8, 3, 8, 1, 8)
#: What costs time or a recording, and no result: the command goes on.
HARMLESS = {
    "begin capture", "end capture", "instantiate", "graph destroy", "exec destroy", "execute in a capture", "pop",
    "detach", "cache serialize", "cache deserialize", "register", "unregister",
}  # fmt: skip


def commands(night: Night, runtime: str, folder: Path) -> dict[str, tuple[object, ...]]:
    """By name, with files of their own."""
    engine, film = night.engines[runtime], night.films / "virus" / "2.png"
    shutil.copy(night.csv, folder / "night.csv")
    shutil.copy(night.csv.with_name("night.csv.run.json"), folder)
    return {
        "inspect": ("inspect", film, "--engine", engine),
        "bench": ("bench", engine, "--batch", "8,3", "--seconds", 0.1, "--films", night.films, "--count", 3, "-q"),
        "evaluate": ("evaluate", engine, night.films),
        "compare": ("compare", engine, night.folder / "small.onnx", night.films),
        "explain": ("explain", engine, night.films, "--films", 3, "--grid", 2),
        "report": ("report", folder / "night.csv", night.films, "--engine", engine, "-q"),
        "build-engine": (
            "build-engine", night.folder / "small.onnx", "--runtime", runtime, "--precision", "fp32", "--max-batch", 8,
            "--out", folder / "new.engine", "-q",
        ),
        "engine": ("engine", "show", engine),
        "triage": ("triage", folder / "night.csv", "--engine", engine, "-q"),
        "audit": ("audit", night.csv, night.truth, "--engine", engine),
        "doctor": ("doctor",),
    }  # fmt: skip


OPENING = ("inspect", "bench", "evaluate", "compare", "explain", "report", "build-engine")
LOOKING = ("engine", "triage", "audit", "doctor")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", [*OPENING, *LOOKING])
def test_every_command_works_on_a_card(night: Night, card: Card, tmp_path: Path, name: str, runtime: str):
    ran = card(*commands(night, runtime, tmp_path)[name])
    assert ran.code == 0, ran.said
    assert ("create_execution_context" in ran.driver.calls) is (name in OPENING)
    assert "Traceback" not in ran.said


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", OPENING)
def test_whatever_call_fails_a_command_ends_in_one_line(
    night: Night, card: Card, tmp_path: Path, name: str, runtime: str
):
    command = commands(night, runtime, tmp_path)[name]
    card(*command)  # kernels of TensorRT for RTX are kept now
    calls = card(*command).driver.calls
    for kind in dict.fromkeys(calls):
        ran = card(*command, fails=kind)
        said = [line for line in ran.said.splitlines() if line.startswith("xscan: ") and "warning" not in line]
        if (name, runtime) == ("build-engine", "tensorrt-rtx") and kind.startswith(("cuInit", "cuD")):
            assert "compiled, and has not run" in ran.said  # its compiler needs no GPU
        elif kind in HARMLESS:
            assert ran.code == 0, (kind, ran.said)
        else:
            assert ran.code in (4, 5), (kind, ran.code, ran.said)
            assert len(said) == 1, (kind, ran.said)
        assert "Traceback" not in ran.said


@pytest.mark.parametrize("name", ["inspect", "evaluate", "compare", "explain", "report"])
def test_a_call_that_fails_amid_the_work_leaves_nothing_either(night: Night, card: Card, tmp_path: Path, name: str):
    """Then frames of the command itself hold what the runtime gave."""
    command = commands(night, "tensorrt", tmp_path)[name]
    calls = card(*command).driver.calls
    kinds = ("execute_async_v3", "set_input_shape", "memcpy_dtoh_async")
    for kind in kinds[:1] if name == "report" else kinds:  # its workers take seconds
        last = len(calls) - calls[::-1].index(kind)
        ran = card(*command, at=last)
        assert ran.code in (4, 5), (kind, ran.said)
        assert sum(line.startswith("xscan: ") and "warning" not in line for line in ran.said.splitlines()) == 1


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_batch_scores_on_the_card_and_ends_well_when_it_is_lost(
    night: Night, card: Card, tmp_path: Path, runtime: str
):
    out = tmp_path / "list.csv"
    scan = ("batch", night.films, "--engine", night.engines[runtime], "--out", out, "--workers", 1, "--batch-size", 8)
    whole = card(*scan)
    assert whole.code == 0, whole.said
    columns = ("file", "status", "p_normal", "p_bacteria", "p_virus", "priority")

    def read(path: Path) -> list[list[str]]:
        with path.open(encoding="utf-8") as rows:
            return [[row[name] for name in columns] for row in csv.DictReader(rows)]

    assert read(out) == read(night.csv)
    expected = out.read_bytes()
    for kind in ("cuInit", "deserialize_cuda_engine", "set_tensor_address", "memcpy_htod_async", "synchronize"):
        ran = card(*scan, "--restart", fails=kind)
        assert ran.code == 4, (kind, ran.said)
        assert sum(line.startswith("xscan: ") for line in ran.said.splitlines()) == 1, ran.said
    assert card(*scan).code == 0  # the same command carries on
    assert out.read_bytes() == expected


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_two_lanes_and_the_sizes_that_break_graphs(night: Night, monkeypatch: pytest.MonkeyPatch, runtime: str):
    """As a batch does: doors of several workers, one thread with the card; every kind of call fails once."""
    engine = night.engines[runtime]
    with open_runtime(onnx_path(engine)) as reference:
        expected = {size: reference.run(networks.pictures(size, seed=size)) for size in SIZES}

    def work(fails: str = "") -> tuple[list[str], list[str], Driver]:
        driver = Driver()
        driver.fail_first = fails
        put(monkeypatch, driver)
        said: list[str] = []
        wrong: list[str] = []

        def worker(scorer: Scorer) -> None:
            with scorer.door().open() as remote:
                for size in SIZES:
                    try:
                        found = remote.run(networks.pictures(size, seed=size))
                    except EngineError as error:
                        said.append(str(error))
                        return
                    if np.abs(found - expected[size]).max() > 1e-4:
                        wrong.append(f"{size} films")

        try:
            with Scorer(lambda: open_lanes(engine), workers=2, films=8) as scorer:
                threads = [threading.Thread(target=worker, args=(scorer,)) for _ in range(2)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(60)
        except EngineError as error:
            said.append(str(error))
        gc.collect()
        driver.assert_clean()
        return said, wrong, driver

    said, wrong, driver = work()
    assert (said, wrong) == ([], [])
    assert ("graph launch" in driver.calls) is (runtime == "tensorrt")
    with collected():
        for kind in dict.fromkeys(driver.calls):
            said, wrong, _ = work(kind)
            assert wrong == [], kind
            assert all(text.isprintable() for text in said)
            assert said or kind in HARMLESS, kind
    forget()


def test_rebuild_on_a_card(night: Night, card: Card, tmp_path: Path):
    engine = tmp_path / "copy.engine"
    for source, copy in (
        (night.engines["tensorrt"], engine),
        (sidecar_path(night.engines["tensorrt"]), sidecar_path(engine)),
        (onnx_path(night.engines["tensorrt"]), onnx_path(engine)),
    ):
        shutil.copy(source, copy)
    engine.write_bytes(b"torn")
    scan = ("batch", night.films, "--engine", engine, "--out", tmp_path / "list.csv", "--workers", 1)
    torn = card(*scan)
    assert torn.code == 4
    assert "not the file that was built" in torn.said
    again = card(*scan, "--rebuild")
    assert again.code == 0, again.said
    assert "is damaged; building it again" in again.said
    assert "says nothing of accuracy" in again.said


def test_sizes_follow_each_other_in_every_way():
    assert {(8, 3), (3, 8), (8, 1), (1, 8)} <= set(pairwise(SIZES))
