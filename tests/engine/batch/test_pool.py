"""The supervisor, with real processes whose work is played: some files crash or hang them."""

import contextlib
import json
import os
import pickle
import threading
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.batch import answers
from xscan.engine.batch import pool as pool_module
from xscan.engine.batch.answers import tell
from xscan.engine.batch.messages import IDLE, SCORING, Done, Job, Ready, WorkerSettings, blank_row
from xscan.engine.batch.pool import Pool
from xscan.engine.errors import DeviceLost, EngineError, XscanError
from xscan.engine.find.found import Found
from xscan.engine.read.film import Limits

SETTINGS = WorkerSettings(Path("none"), Limits())


def worker(connection: Connection, progress: Any, _: WorkerSettings) -> None:
    tell(connection, Ready("played", "{}"))
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
            tell(connection, Done(job.number, [blank_row(found, "ok") for found in job.files], {"read": 0.001}))
            progress[1] = IDLE
    except (EOFError, OSError):
        return


def dead_worker(*_: object) -> None:
    os._exit(3)


def worker_that_dies_scoring(connection: Connection, progress: Any, _: WorkerSettings) -> None:
    tell(connection, Ready("played", "{}"))
    connection.recv()
    progress[1] = SCORING
    os._exit(9)


def stuck_worker(*_: object) -> None:
    time.sleep(60)


def engineless_worker(connection: Connection, *_: object) -> None:
    tell(connection, EngineError("no engine"))


def scan(
    names: list[str], main: Any = worker, size: int = 4, path: str = "", workers: int = 2, file_seconds: float = 2
) -> list[tuple[str, str]]:
    files = [Found(name, path or name) for name in names]
    jobs = iter([Job(number, batch) for number, batch in enumerate(_batched(files, size))])
    with Pool(SETTINGS, workers=workers, file_seconds=file_seconds, main=main) as pool:
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
    with pool, pytest.raises(EngineError, match="could open the engine"):
        pool.wait_ready()


class Planted:
    """What a pickle can do to who unpacks it."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.file, "w")


def _lies(files: list[Found], number: int) -> dict[str, bytes]:
    row = ["ok", *[""] * 11]
    good = [[*row] for _ in files]

    def done(rows: Any, said: Any = number, seconds: Any = None) -> bytes:
        return json.dumps({"done": [said, rows, seconds or {}]}).encode()

    def cell(at: int, value: Any) -> bytes:
        return done([*good[:-1], [*row[:at], value, *row[at + 1 :]]])

    return {
        "pickle": pickle.dumps(Planted(files[0].path + ".planted")),
        "no-json": b"{",
        "long": b" " * (answers.MOST_BYTES + 1),
        "deep": b"[" * 100_000,
        "other-job": done(good, number + 1),
        "fewer": done(good[:-1]),
        "more": done([*good, row]),
        "short-row": done([*good[:-1], row[:-1]]),
        "number": cell(4, 0.5),
        "status": cell(0, "fine"),
        "code": done([*good[:-1], ["failed", *row[1:7], "invented: x", *row[8:]]]),
        "formula": cell(7, "=1+1\n"),
        "uid": cell(8, "1.2.NAME"),
        "priority": cell(1, "none"),
        "probability": cell(3, "0.99999"),
        "seconds": done(good, seconds={"read": float("nan")}),
        "ready": json.dumps({"ready": ["a", "{}", ""]}).encode(),
        "error": json.dumps({"error": ["XscanError", "end the run"]}).encode(),
        "lost": json.dumps({"error": ["DeviceLost", "end the run"]}).encode(),
    }


def liar(connection: Connection, progress: Any, _: WorkerSettings) -> None:
    tell(connection, Ready("played", "{}"))
    try:
        while True:
            job = connection.recv()
            lie = next((found.file for found in job.files if found.file.startswith("lie ")), None)
            if lie is not None:
                connection.send_bytes(_lies(job.files, job.number)[lie[4:]])
            else:
                tell(connection, Done(job.number, [blank_row(found, "ok") for found in job.files], {}))
            progress[1] = IDLE
    except (EOFError, OSError):
        return


def test_a_worker_that_lies_costs_its_film_and_no_other(tmp_path: Path) -> None:
    names = ["film", "lie pickle", "film 2", "film 3", "lie long", "film 4"]
    rows = scan(names, main=liar, size=3, path=str(tmp_path / "film"))
    assert rows == [(name, "decoder-crash" if name.startswith("lie") else "ok") for name in names]
    assert not list(tmp_path.iterdir())  # nothing was unpickled


def staller(connection: Connection, progress: Any, _: WorkerSettings) -> None:
    """Taken over, and out to hold up the main process."""
    tell(connection, Ready("played", "{}"))
    try:
        while True:
            job = connection.recv()
            for found in job.files:
                if found.file == "spins":
                    while True:
                        progress[0], progress[1] = job.number, (progress[1] + 1) % len(job.files)
                if found.file == "announces":
                    os.write(connection.fileno(), (1000).to_bytes(4, "big") + b"{")
                    time.sleep(60)
                if found.file == "closes":
                    connection.close()
                    time.sleep(60)
                if found.file == "points elsewhere":
                    progress[0], progress[1] = job.number, 10**9
                    os._exit(9)
            tell(connection, Done(job.number, [blank_row(found, "ok") for found in job.files], {}))
            progress[1] = IDLE
    except (EOFError, OSError):
        return


@pytest.mark.skipif(os.name == "nt", reason="writes half a message the POSIX way")
@pytest.mark.parametrize("how", ["spins", "announces", "points elsewhere", "closes"])
def test_a_worker_that_stalls_holds_nobody_up(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "HEAR_S", 0.3)
    started = time.monotonic()
    rows = scan(["film", how, "film 2", "film 3"], main=staller, size=2, file_seconds=0.5)
    fates = dict(rows)
    assert fates.pop(how) in ("decoder-crash", "timed-out")
    assert fates == dict.fromkeys(["film", "film 2", "film 3"], "ok")
    assert time.monotonic() - started < 45


@pytest.mark.parametrize("lie", _lies([Found("a", "a")], 0))
def test_what_no_worker_of_ours_says_is_not_believed(tmp_path: Path, lie: str) -> None:
    job = Job(7, [Found("a", str(tmp_path / "a")), Found("b", "b")])
    ends: tuple[Any, Any] = Pipe()  # as messages have it: of other classes on Windows
    here, there = ends
    with here, there:

        def send() -> None:
            with contextlib.suppress(OSError):  # nobody reads what is too long
                there.send_bytes(_lies(job.files, 7)[lie])

        sender = threading.Thread(target=send)
        sender.start()
        if lie == "lost":  # which the pool believes where there is a device
            assert isinstance(answers.hear(here, True, job), DeviceLost)
        else:
            with pytest.raises(answers.Lie):
                answers.hear(here, True, job)
        here.close()
        sender.join()
    assert not list(tmp_path.iterdir())


def test_what_workers_say_arrives_as_it_was() -> None:
    files = [Found("a", "a", None, 7, 3), Found("b", "b")]
    rows = [blank_row(files[0], "ok"), blank_row(files[1], "failed", "corrupt: the data is damaged")]
    rows[0].p_normal, rows[0].priority, rows[0].study_uid = "0.1250", "urgent", "1.2.840.1"
    ends: tuple[Any, Any] = Pipe()  # as messages have it: of other classes on Windows
    here, there = ends
    with here, there:
        for answer in (Ready("a", "{}", "c"), EngineError("no engine")):
            tell(there, answer)
            assert str(answers.hear(here, False, None)) == str(answer)
        tell(there, Done(3, rows, {"read": 0.5}))
        assert answers.hear(here, True, Job(3, files)) == Done(3, rows, {"read": 0.5})


def test_the_limit_for_one_file_shrinks_after_some_that_took_it_whole() -> None:
    pool = Pool(SETTINGS, workers=1, file_seconds=120)
    limits = []
    for pool._timeouts in range(9):
        limits.append(pool._limit())
    assert limits == [120, 120, 120, 60, 30, 15, 10, 10, 10]
    pool._longest = 8  # honest films are slow here
    assert pool._limit() == 40
    assert Pool(SETTINGS, workers=1, file_seconds=2)._limit() == 2
