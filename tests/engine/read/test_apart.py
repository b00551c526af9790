"""Films read in a process of their own: the same films, and whatever a film does to that process is the film's fate."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xscan.engine.errors import NotARadiograph, UnreadableRadiograph
from xscan.engine.find.discover import discover
from xscan.engine.find.found import Found
from xscan.engine.read import apart
from xscan.engine.read.apart import read_apart, read_path_apart
from xscan.engine.read.decode import read_film
from xscan.engine.read.film import Limits

from .dicom_maker import film, phantom

#: What a process taken over by a film might do once it is asked for one.
PLAYED = "import json,os,struct,sys,time; os.write(1, b'r'); sys.stdin.buffer.read(8); {}"
SAY = "said = json.dumps({}).encode(); os.write(1, struct.pack('<Q', len(said)) + said + bytes(64)); time.sleep(9)"
HONEST = {"rows": 1, "columns": 1, "bytes": 1, "sha256": "00" * 32, "seconds": 0.1}


@pytest.fixture
def fresh() -> Iterator[pytest.MonkeyPatch]:
    """No process waits yet, and none is left behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "_idle", [])
        yield patch
        apart._end_all()


def test_the_same_films_and_facts_as_in_this_process(phantoms: Path, tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(film(phantom(120, 100), PatientAge="004Y", ViewPosition="AP"))
    for found in [*discover(phantoms), *discover(tmp_path)]:
        read, here = read_apart(found), read_film(found)
        assert np.array_equal(read.film.grey, here.grey)
        assert read.film.facts == here.facts
        assert read.size == found.bytes


def test_problems_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no film")
    (tmp_path / "cut").write_bytes(film(phantom(120, 100))[:700])
    with pytest.raises(NotARadiograph, match="not-an-image"):
        read_path_apart(tmp_path / "text")
    with pytest.raises(UnreadableRadiograph, match="truncated"):
        read_path_apart(tmp_path / "cut")
    with pytest.raises(UnreadableRadiograph, match="vanished"):
        read_path_apart(tmp_path / "gone")
    with pytest.raises(UnreadableRadiograph, match="too-many-pixels"):
        read_path_apart(tmp_path / "cut", Limits(max_pixels=100))


def test_several_threads_have_a_process_each(phantoms: Path) -> None:
    found = list(discover(phantoms))
    with ThreadPoolExecutor(2) as pool:
        greys = list(pool.map(lambda f: read_apart(f).film.grey, found))
    assert all(np.array_equal(grey, read_film(f).grey) for grey, f in zip(greys, found, strict=True))


def test_the_folder_may_change_between_films(phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = next(iter(discover(phantoms)))
    read_apart(found)
    monkeypatch.chdir(phantoms)
    assert read_apart(replace(found, path=os.path.relpath(found.path))).size == found.bytes


@pytest.mark.parametrize(
    "does",
    [
        "os._exit(9)",
        "os.write(1, bytes(9))",
        "os.write(1, bytes([255] * 4096)); time.sleep(9)",
        SAY.format({"problem": ["failed", "no-such-code", ""]}),
        SAY.format({"problem": ["failed", "corrupt", ["text"]]}),
        SAY.format(HONEST | {"facts": {}}),
        SAY.format(HONEST | {"rows": 10**6, "columns": 10**6, "facts": {}}),
        SAY.format([1, 2]),
    ],
)
def test_a_film_that_takes_its_process_over_is_a_failed_film(fresh: pytest.MonkeyPatch, does: str) -> None:
    fresh.setattr(apart, "_COMMAND", PLAYED.format(does))
    with pytest.raises(UnreadableRadiograph, match="decoder-crash"):
        read_apart(Found("a", "a"))
    assert apart._idle == []


def test_a_film_that_takes_too_long_is_ended(fresh: pytest.MonkeyPatch, phantoms: Path) -> None:
    found = next(iter(discover(phantoms)))
    with fresh.context() as patch:
        patch.setattr(apart, "_COMMAND", PLAYED.format("time.sleep(60)"))
        started = time.monotonic()
        with pytest.raises(UnreadableRadiograph, match="timed-out"):
            read_apart(found, seconds=0.5)
        assert time.monotonic() - started < 10
    assert read_apart(found).size == found.bytes  # the next one has a process again
