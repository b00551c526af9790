"""Two lists of the same films: what a second engine would have changed."""

from pathlib import Path

import pytest

from xscan.engine.errors import OutputError, UsageError
from xscan.engine.lists.side_by_side import is_list, side_by_side
from xscan.engine.lists.table import HEADER, Row, encode


def write(path: Path, model: str, *films: tuple[str, str, float]) -> Path:
    rows = [Row(name, "ok", band, "normal", p_pneumonia=f"{p:.4f}", model=model) for name, band, p in films]
    path.write_bytes(HEADER + encode([*rows, Row("z", "failed")]))
    return path


def test_bands_that_move_and_how_far_scores_do(tmp_path: Path):
    one = write(tmp_path / "a.csv", "one@1", ("a", "urgent", 0.9), ("b", "routine", 0.1), ("c", "review", 0.5))
    two = write(tmp_path / "b.csv", "two@1", ("a", "urgent", 0.8), ("b", "urgent", 0.7), ("d", "review", 0.5))
    found = side_by_side(one, two)
    assert (found.films, found.moved, found.only, found.models) == (2, 1, (1, 1), ("one@1", "two@1"))
    assert found.as_dict()["bands"] == {"routine to urgent": 1, "urgent to urgent": 1}
    assert found.changes == [0.1, 0.6]
    assert "1 in another band" in found.as_text()
    assert is_list(str(one))
    assert not is_list(str(tmp_path))
    with pytest.raises(UsageError, match="no scored film in common"):
        side_by_side(one, write(tmp_path / "c.csv", "two@1", ("x", "urgent", 0.8)))


def test_a_damaged_list_is_said_as_such(tmp_path: Path):
    one = write(tmp_path / "a.csv", "one@1", ("a", "urgent", 0.9))
    two = tmp_path / "b.csv"
    two.write_bytes(one.read_bytes().replace(b"0.9000", b""))
    with pytest.raises(OutputError, match="a scored row without its numbers"):
        side_by_side(one, two)
