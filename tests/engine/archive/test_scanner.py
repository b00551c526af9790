"""What an actor does, without a cluster: the worker processes and the network are real."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from xscan.engine.archive.scanner import Scanner, versions
from xscan.engine.archive.settings import ActorSettings
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.find.discover import discover
from xscan.engine.runtime.open import find_engine


@pytest.fixture
def folder(phantoms: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(phantoms, tmp_path / "films"))


@pytest.fixture
def scanner(folder: Path, tmp_path: Path) -> Iterator[Scanner]:
    made = Scanner(ActorSettings(BatchSettings(folder, tmp_path / "list.csv", find_engine("compact"), 1), {}))
    yield made
    made.close()


def test_files_that_changed_since_the_inventory_are_not_scored(scanner: Scanner, folder: Path) -> None:
    found = list(discover(folder))
    said = scanner.ready()
    assert {name: said[name] for name in versions()} == versions()
    first, second, third = (Path(f.path) for f in found[:3])
    second.unlink()  # no change: its row says so
    rows = scanner.scan(found[:4])["rows"]
    assert [row[1] for row in rows].count("failed") == 1
    os.utime(first, (1_000_000_000, 1_000_000_000))
    third.write_bytes(third.read_bytes() + b"\0")
    answer = scanner.scan(found[:4])
    assert answer["error"].startswith("the inventory no longer fits")
    assert answer["final"]


def test_a_source_that_goes_away_ends_the_run_and_loses_no_film(scanner: Scanner, folder: Path) -> None:
    found = list(discover(folder))
    scanner.ready()
    folder.rename(folder.with_name("away"))
    answer = scanner.scan(found)
    assert answer["kind"] == "StorageError"
    assert "the source is gone from node" in answer["error"]


def test_a_node_without_the_source_or_the_engine_says_so(tmp_path: Path, phantoms: Path) -> None:
    for folder, engine, says in (
        (tmp_path / "nowhere", find_engine("compact"), "cannot list"),
        (phantoms, tmp_path / "no.onnx", "no.onnx"),
    ):
        scanner = Scanner(ActorSettings(BatchSettings(folder, tmp_path / "list.csv", engine, 1), {}))
        answer = scanner.ready()
        assert says in answer["error"]
        assert answer["final"]
        scanner.close()


def test_one_owner_of_the_network_fed_by_workers_makes_the_same_rows(
    scanner: Scanner, folder: Path, tmp_path: Path
) -> None:
    """As on a card, where one process of the actor runs the network and its worker processes only read."""
    found = list(discover(folder))
    engine = scanner.ready()["engine"]
    fed = Scanner(
        ActorSettings(BatchSettings(folder, tmp_path / "list.csv", find_engine("compact"), 2, one_owner=True), {})
    )
    assert fed.ready()["engine"] == engine
    assert fed.scan(found)["rows"] == scanner.scan(found)["rows"]
    fed.close()
