"""Lists by date: which nights there are, and which one was cut off."""

import contextlib
from pathlib import Path

import pytest

from xscan.engine.errors import OutputError, UsageError
from xscan.engine.lists.output import Output
from xscan.engine.lists.run_report import RunReport, State
from xscan.engine.lists.table import Row
from xscan.engine.nights import dated

SETTINGS = {"format": 1, "engine": "one"}


def finish(path: Path, settings: dict = SETTINGS, names: str = "ab", last: Path | None = None) -> Output:
    path.parent.mkdir(exist_ok=True)
    with Output(path, settings, last=last) as output:
        output.write([Row(name, "ok", model="m") for name in names])
        output.finish(None)
        output.write_report(State.FINISHED, {})
    return output


@pytest.mark.parametrize("name", ["{date}/t.csv", "t-{date}.csv", "{date}/t-{date}.csv", "n.{date}.d/t"])
def test_nights_are_found_by_their_lists(tmp_path: Path, name: str):
    path = tmp_path / name
    for day in ("2026-03-02", "2026-02-28", "2026-03-01"):
        finish(dated.on(path, day))
    for other in ("2026-03-04", "notes", "x2026-03-05"):
        (tmp_path / other).mkdir()
    assert list(dated.nights(path)) == ["2026-03-02", "2026-03-01", "2026-02-28"]
    assert next(dated.nights(path, before="2026-03-02")) == "2026-03-01"
    assert dated.last(path) == dated.on(path, "2026-03-02")
    assert dated.cut_off(path, "2026-03-03") is None


@pytest.mark.parametrize("state", [State.RUNNING, State.INTERRUPTED])
@pytest.mark.parametrize("name", ["{date}/t.csv", "t-{date}.csv"])
def test_a_night_that_was_cut_off_is_known_by_its_report_alone(tmp_path: Path, state: State, name: str):
    path = tmp_path / name
    finish(dated.on(path, "2026-03-01"))
    cut = dated.on(path, "2026-03-02")
    cut.parent.mkdir(exist_ok=True)
    RunReport(state).write(cut)
    assert dated.cut_off(path, "2026-03-03") == "2026-03-02"
    assert dated.cut_off(path, "2026-03-02") is None
    with Output(cut, SETTINGS):  # it goes on
        assert dated.cut_off(path, "2026-03-03") is None


def test_the_rows_of_the_last_list_are_taken_over(tmp_path: Path):
    last = tmp_path / "a" / "t.csv"
    finish(last)
    with Output(tmp_path / "t.csv", SETTINGS, last=last) as output:
        assert [earlier.row.file for earlier in output.earlier()] == ["a", "b"]
        assert output.last_differs == ()


def test_of_two_rows_for_a_film_tonights_counts(tmp_path: Path):
    last = tmp_path / "a" / "t.csv"
    finish(last, names="abc")
    path = tmp_path / "t.csv"
    with Output(path, SETTINGS) as output:
        output.write([Row("b", "failed")])
        output.finish(None)
        output.write_report(State.FINISHED, {})
    with Output(path, SETTINGS, last=last) as output:
        assert [(e.row.file, e.row.status) for e in output.earlier()] == [("a", "ok"), ("b", "failed"), ("c", "ok")]


def test_none_is_taken_from_another_engine_nor_from_a_changed_list(tmp_path: Path):
    last = tmp_path / "a" / "t.csv"
    finish(last)
    with Output(tmp_path / "t.csv", SETTINGS | {"engine": "two"}, last=last) as output:
        assert list(output.earlier()) == []
        assert output.last_differs == ("engine",)
    last.write_bytes(last.read_bytes().replace(b"a,ok", b"a,review"))
    before = last.read_bytes()
    with Output(tmp_path / "u.csv", SETTINGS, last=last) as output:
        assert list(output.earlier()) == []
    assert last.read_bytes() == before


def test_only_dated_folders_are_made(tmp_path: Path):
    path = tmp_path / "lists" / "{date}" / "x" / "t.csv"
    with pytest.raises(UsageError, match="does not exist"):
        dated.check(path)
    tonight = dated.on(path, "2026-03-01")
    with pytest.raises(OutputError), dated.folder_made(path, tonight):
        pass
    (tmp_path / "lists").mkdir()
    dated.check(path)
    with contextlib.suppress(ZeroDivisionError), dated.folder_made(path, tonight):
        assert tonight.parent.is_dir()
        raise ZeroDivisionError
    assert not list((tmp_path / "lists").iterdir())  # nothing was left in it
    with contextlib.suppress(ZeroDivisionError), dated.folder_made(path, tonight):
        tonight.touch()
        raise ZeroDivisionError
    assert tonight.exists()
