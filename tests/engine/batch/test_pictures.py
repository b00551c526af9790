"""Pictures of films whose rows stand already: by the workers, and whatever a film does costs its picture alone."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.batch.answers import tell
from xscan.engine.batch.messages import Done, Job, Ready, WorkerSettings
from xscan.engine.batch.pictures import Stopped, draw, films_again, scored_rows
from xscan.engine.batch.pool import Pool
from xscan.engine.batch.run import run_batch
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.errors import StorageError
from xscan.engine.find.discover import discover
from xscan.engine.find.found import Found
from xscan.engine.lists.run_report import RunReport, State
from xscan.engine.lists.table import Row
from xscan.engine.report import page as page_module
from xscan.engine.report.earlier_page import pictures_of
from xscan.engine.runtime.open import find_engine

from ...conftest import Xscan
from ..read.dicom_maker import film, phantom
from .test_pool import SETTINGS, worker


@pytest.fixture
def films(phantoms: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    for path in sorted(path for path in phantoms.iterdir() if path.suffix != ".zip")[:4]:
        shutil.copy2(path, folder)
    return folder


def settings(films: Path) -> BatchSettings:
    out = films.parent / "night.csv"
    return BatchSettings(films, out, find_engine("seed"), workers=1, page=out.with_suffix(".html"), file_seconds=30)


class Heard(Pool):
    """A pool that keeps what became of each film."""

    fates: dict[str, str]

    def run(
        self,
        next_job: Callable[[], Job | None],
        idle: Callable[[], bool],
        each_turn: Callable[[], None] = lambda: None,
    ) -> Iterator[Done]:
        self.fates = {}
        for done in super().run(next_job, idle, each_turn):
            self.fates |= {row.file: row.code for row in done.rows}
            yield done


def test_crashing_and_hanging_films_cost_their_pictures_alone() -> None:
    names = ["a", "crash", "b", "hang", "c"]
    pool = Heard(SETTINGS, 2, 1.0, main=worker)
    with pool:
        pool.wait_ready()
        draw(pool, lambda _: iter([Found(n, "none/none") for n in names]), 2, 5, threading.Event())
    assert pool.fates == {"a": "", "crash": "decoder-crash", "b": "", "hang": "timed-out", "c": ""}


def test_a_folder_that_does_not_answer_holds_nothing_up() -> None:
    def walk(_: Callable[[], None]) -> Iterator[Found]:
        yield Found("a", "a")
        time.sleep(60)

    started = time.monotonic()
    with Pool(SETTINGS, 1, 1.0, main=worker) as pool:
        pool.wait_ready()
        draw(pool, walk, 2, 0.5, threading.Event())
    assert time.monotonic() - started < 30


def hanging_worker(connection: Connection, progress: Any, _: WorkerSettings) -> None:
    tell(connection, Ready("played", "{}"))
    job = connection.recv()
    progress[0], progress[1] = job.number, 0
    Path(job.files[0].path).touch()
    time.sleep(600)


@pytest.mark.parametrize("films", [1, 30])  # one that hangs, and as many behind it as the pool takes
def test_an_end_that_is_asked_for_comes_while_a_film_hangs(tmp_path: Path, films: int) -> None:
    stop, begun = threading.Event(), tmp_path / "begun"

    def ask() -> None:
        while not begun.exists() and not stop.wait(0.01):
            pass
        stop.set()

    threading.Thread(target=ask, daemon=True).start()
    with Pool(SETTINGS, 1, 300.0, main=hanging_worker) as pool:
        pool.wait_ready()
        asked = time.monotonic()
        with pytest.raises(Stopped):
            draw(pool, lambda _: iter([Found(f"{n}", str(begun)) for n in range(films)]), 1, 300, stop)
    assert begun.exists()
    assert time.monotonic() - asked < 60


def test_an_end_that_was_asked_for_before_is_heard() -> None:
    stop = threading.Event()
    stop.set()
    with Pool(SETTINGS, 1, 300.0, main=worker) as pool, pytest.raises(Stopped):
        draw(pool, lambda _: iter([Found("hang", "hang")]), 1, 300, stop)


def test_films_are_found_again_by_row(films: Path) -> None:
    run_batch(settings(films), threading.Event())
    rows = list(scored_rows(films.parent / "night.csv"))
    looked: list[None] = []

    def again(rows: list[Row], folder: Path = films) -> list[str]:
        return [f.file for f in films_again(folder, iter(rows), False, (), lambda: looked.append(None))]

    assert again(rows) == [row.file for row in rows] == [f.file for f in discover(films)]
    rows[1].bytes = "1"  # another film by now
    (films / rows[2].file).unlink()
    assert again(rows) == [rows[0].file, rows[3].file]
    assert again([], films / "gone") == []
    looked.clear()
    assert again(rows[-1:]) == [rows[-1].file]
    assert len(looked) >= len(list(films.iterdir()))  # of many films one is wanted: it is told that the walk goes on


def test_a_page_of_kept_rows_is_the_same_and_its_films_are_not_read_twice(films: Path) -> None:
    night = settings(films)
    assert night.page is not None
    run_batch(night, threading.Event())
    whole = night.page.read_bytes()
    report = RunReport.read(night.out)
    assert report is not None
    assert report.state is State.FINISHED
    for path in films.iterdir():  # the same size and time, and no film any more: only the page before has its picture
        before = path.stat()
        path.write_bytes(bytes(before.st_size))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    run_batch(night, threading.Event())
    assert night.page.read_bytes() == whole
    night.page.write_text(whole.decode().replace("<title>", "<title>tampered"), encoding="utf-8")
    run_batch(night, threading.Event())  # somebody wrote to it: its pictures are not taken, and the films are no more
    assert list(pictures_of(night.page)) == []
    assert b"tampered" not in night.page.read_bytes()
    assert (RunReport.read(night.out) or report).state is State.FINISHED
    assert not [p.name for p in films.parent.iterdir() if p.name.endswith((".films", ".pictures"))]


def test_finished_stands_last(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = settings(films)
    states: list[str] = []

    def full(*_: object) -> None:
        states.append(json.loads((films.parent / "night.csv.run.json").read_text("utf-8"))["state"])
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(page_module, "write_page", full)
        with pytest.raises(StorageError):
            run_batch(night, threading.Event())
    assert states == ["running"]
    assert (RunReport.read(night.out) or RunReport(State.FINISHED)).state is State.RUNNING
    assert run_batch(night, threading.Event()).kept == 4


def test_the_report_command_reads_films_by_workers(films: Path, xscan: Xscan) -> None:
    night = settings(films)
    assert night.page is not None
    run_batch(night, threading.Event())
    whole = night.page.read_bytes()
    again = films.parent / "again.html"
    run = xscan("report", night.out, films, "--out", again)
    assert run.returncode == 0, run.stderr
    assert again.read_bytes() == whole
    assert not [p for p in films.parent.iterdir() if p.name.endswith(".films")]


def test_a_report_never_trades_pictures_for_none(films: Path, xscan: Xscan, tmp_path: Path) -> None:
    night = settings(films)
    assert night.page is not None
    run_batch(night, threading.Event())
    before = night.page.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for wrong in ((elsewhere,), ()):  # another folder, and none
        done = xscan("report", night.out, *wrong)
        assert done.returncode == 2, done.stderr
        assert night.page.read_bytes() == before
    assert "shows films" in done.stderr
    first = min(films.iterdir())
    (elsewhere / first.name).write_bytes(first.read_bytes())
    done = xscan("report", night.out, elsewhere, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["missing_pictures"] == 3
    assert "3 of 4 pictures are missing" in done.stderr
    assert xscan("report", night.out, "--no-thumbnails").returncode == 0


def test_study_date_and_accession_stand_in_the_page_by_choice_alone(tmp_path: Path, xscan: Xscan) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    content = film(phantom(300, 200), StudyDate="20260131", AccessionNumber="A-77|<b>", PatientID="SECRET-1")
    (folder / "a.dcm").write_bytes(content)
    out = tmp_path / "night.csv"
    for options, told in (((), False), (("--study-facts",), True), ((), False)):
        run = xscan("batch", folder, "--out", out, "--report", *options)
        assert run.returncode == 0, run.stderr
        [(_, picture)] = pictures_of(out.with_suffix(".html"))
        assert picture.order == ("20260131|A-77 <b>" if told else "")
        for path in tmp_path.iterdir():
            if path.is_file() and path.suffix != ".html":
                assert b"A-77" not in path.read_bytes()
                assert b"20260131" not in path.read_bytes()
            assert not path.is_file() or b"SECRET" not in path.read_bytes()
    run = xscan("report", out, folder, "--study-facts", "--out", tmp_path / "again.html")
    assert run.returncode == 0, run.stderr
    [(_, picture)] = pictures_of(tmp_path / "again.html")
    assert picture.order == "20260131|A-77 <b>"
