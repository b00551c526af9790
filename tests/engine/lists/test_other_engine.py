"""A list whose films another engine scores again: rows of two engines are never mixed, whenever a run is killed."""

import json
from pathlib import Path

import pytest

from xscan.engine.errors import OutputError
from xscan.engine.lists.output import Output
from xscan.engine.lists.run_report import State, manifest_of, report_of
from xscan.engine.lists.table import Row

OLD, NEW, NEWEST = ({"format": 1, "engine": name} for name in ("old", "new", "newest"))


def rows(engine: str, files: str) -> list[Row]:
    return [Row(file, "ok", model=engine) for file in files]


def finished(path: Path, settings: dict, files: str = "abc") -> None:
    with Output(path, settings, may_change=("engine",)) as output:
        output.write(rows(str(settings["engine"]), files))
        output.finish(None)
        output.write_report(State.FINISHED, {})


def kept(path: Path, settings: dict) -> list[tuple[str, str]]:
    """Rows that the next run would keep; it is killed before it writes any."""
    with Output(path, settings, may_change=("engine",)) as output:
        return [(earlier.row.file, earlier.row.model) for earlier in output.earlier()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    finished(path, OLD)
    return path


def test_none_of_its_rows_is_kept_and_it_stands_until_the_new_list_is_whole(path: Path):
    before = path.read_bytes()
    with Output(path, NEW, may_change=("engine",)) as output:
        assert output.outdated
        assert list(output.earlier()) == []
        output.write(rows("new", "a"))  # then the power goes
    assert path.read_bytes() == before
    assert manifest_of(path) is None  # the report's settings are not those of this list
    assert kept(path, NEW) == [("a", "new")]
    finished(path, NEW)
    assert kept(path, NEW) == [("a", "new"), ("b", "new"), ("c", "new")]
    assert "outdated" not in json.loads(report_of(path).read_text(encoding="utf-8"))


def test_a_third_engine_after_a_kill_keeps_nothing_either(path: Path):
    with Output(path, NEW, may_change=("engine",)) as output:
        output.write(rows("new", "ab"))
    assert kept(path, NEWEST) == []
    assert kept(path, OLD) == []  # nor does the first, whose list stands: the report no longer says so


def test_a_named_engine_is_refused_and_nothing_is_touched(path: Path):
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(OutputError, match="another engine"):
        Output(path, NEW).__enter__()
    with pytest.raises(OutputError, match="another engine, format"):
        Output(path, NEW | {"format": 2}, may_change=("engine",)).__enter__()
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_an_interrupted_first_list_is_begun_anew(tmp_path: Path):
    path = tmp_path / "list.csv"
    with Output(path, OLD) as output:
        output.write(rows("old", "ab"))
    assert kept(path, NEW) == []
