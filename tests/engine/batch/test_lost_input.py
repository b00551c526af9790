"""An unmounted share and a rotating export look alike: films of the last list are gone. One must end the night."""

import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from xscan.engine.batch.feed import Feed
from xscan.engine.batch.messages import blank_row
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.errors import StorageError
from xscan.engine.find.discover import discover
from xscan.engine.find.mounts import Place, place_of
from xscan.engine.find.shard import Shard
from xscan.engine.lists.output import EarlierRow
from xscan.engine.lists.run_report import RunReport, State
from xscan.engine.lists.table import Row


class Nights:
    """What a list remembers from one night to the next, without workers: rows, and where its films lay."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[Row] = []
        self.mounts: dict[str, Place] = {}

    def __call__(self, allow_shrink: bool = False, shard: str = "1/1") -> int:
        """The next night; returns how many rows were dropped. Raises StorageError."""
        settings = BatchSettings(self.folder, Path("list.csv"), Path("none"), 1, allow_shrink=allow_shrink)
        settings = replace(settings, shard=Shard.parse(shard))
        earlier = iter([EarlierRow(row, finished=True) for row in self.rows])
        output = SimpleNamespace(earlier=lambda outdated: earlier, own_files=[], mounts=self.mounts)
        feed = Feed(settings, output, threading.Event())  # type: ignore[arg-type]
        finish(feed)
        self.rows = [blank_row(found, "ok") for found in discover(self.folder) if settings.shard.has(found.file)]
        self.mounts = feed.input.mounts
        return feed.dropped


def finish(feed: Feed) -> None:
    while not feed.finished:
        feed.next_job()
        time.sleep(0.001)


def fill(folder: Path, films: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(films):
        (folder / f"{number:03d}.dcm").write_bytes(b"film")


@pytest.fixture
def share(tmp_path: Path) -> Path:
    fill(tmp_path / "share" / "a", 6)
    fill(tmp_path / "share" / "b", 3)
    return tmp_path / "share"


@pytest.fixture
def night(share: Path) -> Nights:
    nights = Nights(share)
    nights()
    assert len(nights.rows) == 9
    return nights


def test_an_empty_folder_in_the_shares_place_keeps_the_list(night: Nights) -> None:
    shutil.rmtree(night.folder)
    night.folder.mkdir()
    with pytest.raises(StorageError, match=r"9 of 9 files .* it is empty.*--allow-shrink") as caught:
        night()
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    assert night(allow_shrink=True) == 9
    assert night() == 0  # and is as always from then on


def test_a_top_folder_that_is_empty_is_an_alarm_where_it_held_at_least_half(night: Nights) -> None:
    shutil.rmtree(night.folder / "b")
    (night.folder / "b").mkdir()
    assert night() == 3  # a third
    shutil.rmtree(night.folder / "a")
    (night.folder / "a").mkdir()
    fill(night.folder / "c", 20)
    with pytest.raises(StorageError, match="6 of 6 files"):
        night()


def test_an_export_that_rotates_is_no_alarm(night: Nights) -> None:
    shutil.rmtree(night.folder / "a")
    shutil.rmtree(night.folder / "b")
    fill(night.folder / "c", 1)
    assert night() == 9
    for path in (night.folder / "c").iterdir():
        path.rename(path.with_name("another.dcm"))
    assert night() == 1
    (night.folder / "c" / "another.dcm").rename(night.folder / "c.dcm")  # films of the folder itself
    (night.folder / "c").rmdir()
    night()
    (night.folder / "c.dcm").rename(night.folder / "d.dcm")
    assert night() == 1


def test_a_zip_that_is_there_in_part_is_an_alarm_and_one_with_other_members_is_none(night: Nights) -> None:
    path = night.folder / "export.zip"
    with zipfile.ZipFile(path, "w") as target:
        for number in range(20):
            target.writestr(f"study/{number}.dcm", b"film" * 100)
    night()
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    for shard in ("1/1", "1/3", "2/3", "3/3"):  # the zip's own row falls to one of them
        one = Nights(night.folder)
        one.mounts, one.rows = night.mounts, [row for row in night.rows if Shard.parse(shard).has(row.file)]
        with pytest.raises(StorageError, match="files of the list"):
            one(shard=shard)
    path.unlink()
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("another/film.dcm", b"film")
    assert night() == 20
    path.unlink()  # taken away by whoever made it
    assert night() == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that this user may not list")
def test_a_folder_that_cannot_be_listed_is_an_alarm(night: Nights) -> None:
    (night.folder / "a").chmod(0)
    try:
        with pytest.raises(StorageError, match="6 of 9"):
            night()
    finally:
        (night.folder / "a").chmod(0o700)


def test_where_the_folder_lay_is_known_from_the_run_report(night: Nights, tmp_path: Path) -> None:
    csv = tmp_path / "list.csv"
    RunReport(State.FINISHED, mounts=night.mounts).write(csv)
    report = RunReport.read(csv)
    assert report is not None
    assert report.mounts == night.mounts
    assert len(night.mounts) == 1  # nothing is mounted in it
    here = place_of(str(night.folder))
    shutil.rmtree(night.folder / "a")
    night.mounts = {key: replace(place, mounts=place.mounts + 1) for key, place in report.mounts.items()}
    with pytest.raises(StorageError, match=r"6 of 9 .* not there"):  # its mount point is not empty
        night()
    night.mounts = {key: Place(here.mounts, 17) for key in report.mounts}
    if here.device:
        with pytest.raises(StorageError, match="6 of 9"):  # another disk in its place
            night()
    night.mounts = {key: Place(here.mounts, 0) for key in report.mounts}  # a share: it has a new number at each start
    assert night() == 6


@pytest.mark.parametrize("content", ['{"mounts": 3}', '{"mounts": {"": []}}', '{"mounts": {"": ["a", "b"]}}'])
def test_a_run_report_with_other_places_is_a_damaged_one(content: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv.run.json").write_text(content.replace("{", '{"state": "finished", ', 1), encoding="utf-8")
    assert RunReport.read(tmp_path / "list.csv") is None


# ---- real mounts -------------------------------------------------------------------------------------------


class Disk:
    """A file system in memory, mounted where it is wanted."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(exist_ok=True)
        run = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
        )
        if run.returncode != 0:
            pytest.skip("may not mount")

    def away(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], capture_output=True, check=False)


@pytest.fixture
def disk(share: Path) -> Iterator[Disk]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounts a file system: Linux, as root")
    disk = Disk(share / "mod")
    yield disk
    disk.away()


def test_a_lost_sub_mount_is_known_whatever_is_left_in_its_place(disk: Disk, share: Path) -> None:
    fill(disk.place, 9)
    night = Nights(share)
    night()
    assert len(night.mounts) == 2
    disk.away()
    with pytest.raises(StorageError, match="9 of 18"):
        night()
    (disk.place / "NOT MOUNTED.txt").write_text("mount it first")
    with pytest.raises(StorageError, match="9 of 18"):
        night()
    shutil.rmtree(disk.place)  # an automatic mount point goes with its disk
    with pytest.raises(StorageError, match="9 of 18"):
        night()
    assert night(allow_shrink=True) == 9


def test_a_sub_mount_further_down_is_known_too(share: Path, disk: Disk) -> None:
    disk.away()
    (share / "year" / "month").mkdir(parents=True)
    below = Disk(share / "year" / "month" / "day")
    try:
        fill(below.place, 10)
        fill(share / "year", 1)
        night = Nights(share)
        night()
    finally:
        below.away()
    with pytest.raises(StorageError, match="10 of 20"):
        night()


def test_a_share_that_is_mounted_anew_and_has_rotated_is_no_alarm(share: Path, disk: Disk) -> None:
    fill(disk.place, 30)
    night = Nights(share)
    night()
    disk.away()
    again = Disk(disk.place)
    fill(again.place / "new", 2)
    assert night() == 30


def test_a_sub_mount_that_goes_during_the_walk_ends_the_run(share: Path, disk: Disk) -> None:
    fill(disk.place, 9)
    settings = BatchSettings(share, Path("list.csv"), Path("none"), 1, batch_size=1)
    output = SimpleNamespace(earlier=lambda outdated: iter(()), own_files=[], mounts={})
    feed = Feed(settings, output, threading.Event())  # type: ignore[arg-type]
    jobs = []
    while len(jobs) < 12:
        job = feed.next_job()
        jobs += [job] if job else []
    assert not any(feed.is_away(found) for job in jobs for found in job.files)
    disk.away()
    away = {found.file: feed.is_away(found) for job in jobs for found in job.files}
    assert {file for file, gone in away.items() if gone} == {file for file in away if file.startswith("mod/")}
    with pytest.raises(StorageError, match="is gone"):
        finish(feed)
