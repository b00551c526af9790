"""Which files are read again and which rows are kept."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xscan.engine.batch import feed as feeding
from xscan.engine.batch.feed import TWICE, Feed
from xscan.engine.batch.messages import blank_row
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.errors import StorageError
from xscan.engine.find.discover import discover
from xscan.engine.find.found import Found
from xscan.engine.lists.output import EarlierRow
from xscan.engine.lists.table import Row


def night(folder: Path, earlier: list[Row], settings: BatchSettings | None = None) -> tuple[Feed, list[str]]:
    """A feed that has seen a finished list, and the files that it wants read."""
    settings = settings or BatchSettings(folder, folder / "list.csv", Path("none"), 1)
    rows = iter([EarlierRow(row, finished=True) for row in earlier])
    output = SimpleNamespace(earlier=lambda outdated: rows, own_files=[], mounts={})
    feed = Feed(settings, output, threading.Event())  # type: ignore[arg-type]
    wanted: list[str] = []
    while not feed.finished:
        job = feed.next_job()
        wanted += [found.file for found in job.files] if job else []
        time.sleep(0.001)
    return feed, wanted


@pytest.mark.parametrize("code", ["timed-out", "decoder-crash"])
def test_a_costly_file_is_tried_in_two_runs_and_no_more_while_it_is_unchanged(tmp_path: Path, code: str) -> None:
    for name in ("a", "bad", "c"):
        (tmp_path / name).write_bytes(b"x")
    found = list(discover(tmp_path))
    fates = {"a": ("ok", ""), "bad": ("failed", f"{code}: so it was"), "c": ("failed", "corrupt: so it is")}
    rows = [blank_row(one, *fates[one.file]) for one in found]
    feed, wanted = night(tmp_path, rows)
    assert wanted == ["bad", "c"]  # a share may have stood still
    rows = [feed.told(blank_row(one, *fates[one.file])) for one in found]
    assert [row.reason for row in rows] == ["", f"{code}: so it was{TWICE}", "corrupt: so it is"]
    _, wanted = night(tmp_path, rows)
    assert wanted == ["c"]
    (tmp_path / "bad").write_bytes(b"another")
    feed, wanted = night(tmp_path, rows)
    assert wanted == ["bad", "c"]
    assert feed.told(rows[1]) is rows[1]  # a new file begins anew


@pytest.mark.parametrize("name", ["{date}.csv", "{date}/t.csv"])
def test_each_folder_of_earlier_nights_is_listed_as_often_as_that_of_one(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: Counter[Path] = Counter()

    def counted(real: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda folder: listed.update([Path(folder)]) or real(folder)

    monkeypatch.setattr(os, "listdir", counted(os.listdir))
    monkeypatch.setattr(os, "scandir", counted(os.scandir))
    most = set()
    for nights in (1, 12):
        folder = tmp_path / str(nights)
        for number in range(nights):
            path = folder / name.replace("{date}", f"2026-01-{number + 1:02d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            for ending in ("", ".run.json", ".damaged-20260101T020000Z", ".part.damaged-20260101T020000Z-2"):
                path.with_name(path.name + ending).touch()
            path.with_suffix(".shadow.csv").touch()
        (folder / "notes.csv.damaged-20260101T020000Z").touch()  # of no list
        listed.clear()
        settings = BatchSettings(folder, tmp_path / "list.csv", Path("none"), 1, nightly=folder / name)
        _, wanted = night(folder, [], settings)
        assert wanted == ["notes.csv.damaged-20260101T020000Z"]
        most.add(max(listed.values()))
    assert len(most) == 1, most


def test_a_folder_that_is_still_listed_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, go, went, end = [0.0], threading.Event(), threading.Event(), threading.Event()

    def walk(*_: Any, alive: Callable[[], None], **__: Any) -> Iterator[Found]:
        go.wait()
        alive()  # one name of very many
        went.set()
        end.wait()
        yield from ()

    monkeypatch.setattr(feeding, "discover", walk)
    monkeypatch.setattr(feeding, "time", SimpleNamespace(monotonic=lambda: now[0]))
    output = SimpleNamespace(earlier=lambda outdated: iter(()), own_files=[], mounts={})
    settings = BatchSettings(tmp_path, tmp_path / "list.csv", Path("none"), 1, file_seconds=120)
    feed = Feed(settings, output, threading.Event())  # type: ignore[arg-type]
    now[0] = 100
    go.set()
    assert went.wait(60)
    now[0] = 200
    assert not feed.at_end()
    now[0] = 221
    with pytest.raises(StorageError, match="does not answer"):
        feed.at_end()
    end.set()
