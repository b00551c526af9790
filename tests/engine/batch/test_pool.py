"""The supervisor, with real processes whose work is played: some files crash or hang them."""

import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.batch import pool as pool_module
from xscan.engine.batch.messages import IDLE, SCORING, Done, Job, Ready, WorkerSettings, blank_row
from xscan.engine.batch.pool import Pool
from xscan.engine.errors import EngineError, XscanError
from xscan.engine.find.found import Found
from xscan.engine.read.film import Limits

SETTINGS = WorkerSettings(Path("none"), Limits())


def worker(connection: Connection, progress: Any, _: WorkerSettings) -> None:
    connection.send(Ready("played", "{}"))
    try:
        while True:
            job = connection.recv()
            for position, found in enumerate(job.files):
                progress[0], progress[1] = job.number, position
                if found.file.startswith("crash"):
                    os._exit(9)
                if found.file.startswith("once") and not os.path.exists(found.path):
                    Path(found.path).touch()
                    os._exit(9)
                while found.file.startswith("hang"):
                    time.sleep(1)
                if found.file.startswith("slow"):
                    time.sleep(0.3)
            connection.send(Done(job.number, [blank_row(found, "ok") for found in job.files], {"read": 0.001}))
            progress[1] = IDLE
    except (EOFError, OSError):
        return


def dead_worker(*_: object) -> None:
    os._exit(3)


def worker_that_dies_scoring(connection: Connection, progress: Any, _: WorkerSettings) -> None:
    connection.send(Ready("played", "{}"))
    connection.recv()
    progress[1] = SCORING
    os._exit(9)


def stuck_worker(*_: object) -> None:
    time.sleep(60)


def engineless_worker(connection: Connection, *_: object) -> None:
    connection.send(EngineError("no engine"))


def scan(
    names: list[str], main: Any = worker, size: int = 4, path: str = "", workers: int = 2
) -> list[tuple[str, str]]:
    files = [Found(name, path or name) for name in names]
    jobs = iter([Job(number, batch) for number, batch in enumerate(_batched(files, size))])
    with Pool(SETTINGS, workers=workers, file_seconds=2, main=main) as pool:
        rows = [row for done in pool.run(lambda: next(jobs, None), lambda: True) for row in done.rows]
    return [(row.file, row.code or row.status) for row in rows]


def _batched(files: list[Found], size: int) -> list[list[Found]]:
    return [files[i : i + size] for i in range(0, len(files), size)]


def test_results_come_in_order() -> None:
    names = [f"slow{i}" if i % 9 == 0 else f"film{i}" for i in range(60)]
    assert scan(names) == [(name, "ok") for name in names]


def test_a_crash_costs_one_file() -> None:
    names = [f"crash{i}" if i in (0, 9, 10, 39) else f"film{i}" for i in range(40)]
    expected = [(name, "decoder-crash" if name.startswith("crash") else "ok") for name in names]
    assert scan(names) == expected


def test_a_file_that_crashed_once_is_tried_again(tmp_path: Path) -> None:
    names = ["film", "once", "film2"]
    assert scan(names, path=str(tmp_path / "tried")) == [(name, "ok") for name in names]


def test_a_hang_costs_one_file() -> None:
    names = ["film", "hang", "film2", "film3", "film4"]
    assert scan(names) == [(name, "timed-out" if name == "hang" else "ok") for name in names]


def test_one_worker_survives_too() -> None:
    assert scan(["crash1", "film", "crash2"], workers=1) == [
        ("crash1", "decoder-crash"),
        ("film", "ok"),
        ("crash2", "decoder-crash"),
    ]


def test_workers_that_never_start_end_the_run() -> None:
    with pytest.raises(EngineError, match="could open the engine"):
        scan(["film"], main=dead_worker)


def test_an_engine_that_cannot_be_opened_ends_the_run() -> None:
    with pytest.raises(EngineError, match="no engine"):
        scan(["film"], main=engineless_worker)


def test_workers_that_start_well_and_die_at_no_file_end_the_run() -> None:
    with pytest.raises(XscanError, match="doctor"):
        scan(["film"], main=worker_that_dies_scoring)


def test_workers_that_hang_at_their_start_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "START_S", 0.2)
    pool = Pool(SETTINGS, workers=1, file_seconds=0.2, main=stuck_worker)
    with pool, pytest.raises(XscanError, match="doctor"):
        pool.wait_ready()
