"""What `merge` does not join, without a scan: lists as batches write them."""

from pathlib import Path

import pytest

from xscan.engine.errors import OutputError, UsageError
from xscan.engine.lists.merge import merge
from xscan.engine.lists.run_report import RunReport, State
from xscan.engine.lists.table import HEADER, Row, encode


def part(folder: Path, name: str, file: str, model: str = "compact@4", **settings: object) -> Path:
    path = folder / name
    path.write_bytes(HEADER + encode([Row(file, "ok", "urgent", p_pneumonia="0.9000", model=model)]))
    RunReport(State.FINISHED, dict(settings)).write(path)
    return path


def test_what_is_no_run_s_shards_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    a = part(tmp_path, "a.csv", "a.png", engine="1" * 64, points=["", ""])
    (tmp_path / "half.csv.part").write_bytes(HEADER)
    for other, said in (
        (tmp_path / "gone.csv", "gone.csv is not there: check its name"),
        (tmp_path / "half.csv", "half.csv is not finished: run its batch again"),
        (part(tmp_path, "engine.csv", "b.png", engine="2" * 64), "another engine than .*--any-engine"),
        (part(tmp_path, "same.csv", "a.png", engine="1" * 64), "the same file: they are not shards"),
        (part(tmp_path, "model.csv", "b.png", "seed@1", engine="1" * 64), "different networks: compact@4, seed@1"),
        (part(tmp_path, "points.csv", "b.png", engine="1" * 64, points=["0.3", ""]), "other operating points than"),
        (part(tmp_path, "third.csv", "b.png", engine="1" * 64, shard="3/3"), "shard 1/3, 2/3 is missing"),
    ):
        with pytest.raises(UsageError, match=said):
            merge(tmp_path / "all.csv", [a, other])
    assert not list(tmp_path.glob("all.csv*"))
    assert merge(tmp_path / "all.csv", [a, tmp_path / "engine.csv"], any_engine=True) == 2


def test_more_lists_than_may_be_open_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="501 lists are too many at once"):
        merge(tmp_path / "out.csv", [tmp_path / f"{number}.csv" for number in range(501)])
    assert list(tmp_path.iterdir()) == []


def test_a_batch_that_is_to_go_on_is_not_written_over(tmp_path: Path) -> None:
    a = part(tmp_path, "a.csv", "a.png")
    (tmp_path / "all.csv.part").write_bytes(HEADER)
    with pytest.raises(OutputError):
        merge(tmp_path / "all.csv", [a])
    assert not (tmp_path / "all.csv").exists()
