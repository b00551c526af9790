"""Who is given which block, and what ends a scan. Ray is played here."""

from collections.abc import Iterator
from typing import Any

import pytest

from xscan.engine.archive import scan as scans
from xscan.engine.archive.cluster import Node, actors_of
from xscan.engine.archive.scan import DEATHS, Scan
from xscan.engine.archive.settings import ArchiveSettings
from xscan.engine.batch.settings import BatchSettings
from xscan.engine.errors import ClusterGone, EngineError, StorageError, UsageError, XscanError
from xscan.engine.find.found import Found

from .played import HERE, Played, rows


def scan(cluster: Any, blocks: int = 5) -> Scan:
    return Scan(cluster, (), iter(range(blocks)), lambda number: [Found(f"film{number}", "")], "e1")


def test_every_block_is_scanned_once_whatever_actors_end() -> None:
    deaths: Iterator[bool] = iter([True, False, True, True, False])

    def dying(files: list[Found]) -> dict[str, Any]:
        if next(deaths, False):
            raise RuntimeError("the actor died")
        return rows(files)

    made = scan(Played(lambda: HERE, dying))
    done = [(s.number, [row.file for row in s.rows]) for s in made.run(lambda: False)]
    assert sorted(done) == [(number, [f"film{number}"]) for number in range(5)]
    assert made.lost == 3
    assert made.seconds["read"] == 2.5


def test_a_cluster_that_lost_all_its_machines_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Played(lambda: HERE, rows, room=1)

    def last(_: list[Found]) -> None:
        cluster.room = 0
        raise RuntimeError("its node died")

    cluster.answer = last
    monkeypatch.setattr(scans, "LEFT_S", 0.0)
    monkeypatch.setattr(scans, "TICK_S", 0.01)
    with pytest.raises(ClusterGone, match="no machine of the cluster is left"):
        list(scan(cluster).run(lambda: False))


def test_an_actor_that_lost_its_card_is_replaced() -> None:
    lost = iter([{"error": "the GPU stopped answering", "kind": "DeviceLost", "final": False}])
    made = scan(Played(lambda: HERE, lambda files: next(lost, None) or rows(files)))
    assert sorted(s.number for s in made.run(lambda: False)) == list(range(5))


def test_actors_that_end_again_and_again_end_the_run() -> None:
    def dead(_: list[Found]) -> None:
        raise RuntimeError("/srv/a/patient/path")

    made = scan(Played(lambda: HERE, dead, room=1))
    with pytest.raises(XscanError, match="again and again") as told:
        list(made.run(lambda: False))
    assert made.lost == DEATHS + 1
    assert "patient" not in str(told.value)


@pytest.mark.parametrize(
    ("said", "error", "says"),
    [
        ({"xscan": "9.9"}, UsageError, "node n1 has 9.9 xscan"),
        ({"numpy": "1.0"}, UsageError, "node n1 has 1.0 numpy"),
        ({"code": "other"}, UsageError, "other code of xscan"),
        ({"engine": "e2"}, EngineError, "another engine"),
        ({"error": "no disk", "kind": "StorageError", "final": True}, StorageError, "no disk"),
    ],
)
def test_a_node_that_would_make_other_rows_is_refused(said: dict[str, Any], error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        list(scan(Played(lambda: HERE | said, rows)).run(lambda: False))


def test_a_node_without_xscan_is_named_so() -> None:
    def bare() -> None:
        raise RuntimeError("ModuleNotFoundError: No module named 'xscan'")

    with pytest.raises(UsageError, match="a node has no xscan"):
        list(scan(Played(bare, rows)).run(lambda: False))


def test_a_cluster_without_room_is_refused(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="no machine of the cluster has room"):
        list(scan(Played(lambda: HERE, rows, room=0)).run(lambda: False))
    batch = BatchSettings(tmp_path, tmp_path / "l.csv", tmp_path / "e", 1)
    gpus = ArchiveSettings(batch, tmp_path, actor_cpus=8, actor_gpus=1)
    assert [actors_of(Node(cpus, g), gpus) for cpus, g in ((16, 2), (16, 1), (7, 4), (64, 0))] == [2, 1, 0, 0]
    assert actors_of(Node(1, 0), ArchiveSettings(batch, tmp_path, actor_cpus=0.4)) == 2
