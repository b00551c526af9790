"""Rows are kept only where they are as xscan wrote them; what is not is set aside, and nothing is lost."""

import errno
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xscan.engine.errors import OutputError, StorageError
from xscan.engine.lists.output import Output, is_running
from xscan.engine.lists.run_report import RunReport, State, digest_of, report_of
from xscan.engine.lists.table import HEADER, Row, encode, read_rows

SETTINGS = {"engine": "e", "shard": "1/1"}
ROWS = [Row(f"{i:02}.jpeg", "ok", "urgent", "virus", "0.1", "0.2", "0.7", "0.9", model="m@1") for i in range(12)]


def write(path: Path, rows: list[Row] = ROWS, *, finish: bool = True) -> None:
    with Output(path, SETTINGS) as output:
        for row in rows:
            output.write([row])
        if finish:
            output.finish(None)
            output.write_report(State.FINISHED, {})


def kept(path: Path) -> tuple[list[Row], int]:
    """The rows that a next run would keep, and how many lists it set aside."""
    with Output(path, SETTINGS) as output:
        return [earlier.row for earlier in output.earlier()], len(output.set_aside)


def damaged(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if ".damaged-" in path.name)


def test_an_untouched_list_is_kept_whole(tmp_path):
    write(tmp_path / "n.csv")
    assert kept(tmp_path / "n.csv") == (ROWS, 0)
    assert kept(tmp_path / "n.csv") == (ROWS, 0)  # and after a run that wrote nothing


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.replace(b",urgent,virus", b",routine,normal", 1),
        lambda b: b"\xef\xbb\xbf" + b,
        lambda b: b.replace(b",", b";"),
        lambda b: b.replace(b",", b"\t"),
        lambda b: b.replace(b"\n", b"\r\n"),
        lambda b: bytes(len(b)),
        lambda b: b[:300] + bytes(200) + b[500:],
        lambda b: b[:333],
        lambda b: b + b"more\n",
        lambda b: b"garbage",
        lambda b: HEADER,
    ],
)
@pytest.mark.parametrize("which", ["n.csv", "n.csv.prev"])
def test_a_changed_list_is_set_aside_as_it_was(tmp_path, change, which):
    path = tmp_path / "n.csv"
    write(path)
    if which == "n.csv.prev":
        path.unlink()
        write(path, ROWS[:6], finish=False)
        with Output(path, SETTINGS):  # a run that was cut off at once: its rows are in .prev now
            pass
        assert (tmp_path / which).exists()
    content = change((tmp_path / which).read_bytes())
    (tmp_path / which).write_bytes(content)
    assert kept(path) == ([], 1)
    assert [aside.read_bytes() for aside in damaged(tmp_path)] == [content]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"settings": 3}', '{"state": "finished", "settings": {}, "sha256": 5}']
)
def test_a_damaged_run_report_costs_no_night(tmp_path, text):
    path = tmp_path / "n.csv"
    write(path)
    report_of(path).write_text(text)
    assert kept(path) == ([], 2 if text else 1)
    assert [aside.read_text() for aside in damaged(tmp_path) if ".run.json" in aside.name] == [text] * bool(text)


@settings(max_examples=60, deadline=None)
@given(
    at=st.integers(0, 2000),
    what=st.sampled_from(["cut", "flip", "zero", "more"]),
    target=st.sampled_from([".part", ".sums"]),
)
def test_of_an_interrupted_list_only_proven_rows_are_kept(tmp_path_factory, at, what, target):
    path = tmp_path_factory.mktemp("i") / "n.csv"
    write(path, finish=False)
    file = path.with_name(path.name + target)
    content = bytearray(file.read_bytes())
    at %= len(content)
    if what == "cut":
        del content[at:]
    elif what == "flip":
        content[at] ^= 1
    elif what == "zero":
        content[at:] = bytes(len(content) - at)
    else:
        content += b"more\n"
    file.write_bytes(content)
    rows, _ = kept(path)
    assert rows == ROWS[: len(rows)]
    if what == "more":
        assert rows == ROWS


def test_rows_of_a_kill_and_of_the_night_before_are_both_kept(tmp_path):
    path = tmp_path / "n.csv"
    write(path)
    write(path, ROWS[:4], finish=False)
    write(path, ROWS[:2], finish=False)  # cut off again, before it had caught up
    assert kept(path) == (ROWS, 0)


@pytest.mark.parametrize(
    "name", ["n.csv", "n.csv.part", "n.csv.prev", "n.csv.sums", "n.csv.lock", "n.csv.lock.json", "n.csv.run.json"]
)
@pytest.mark.parametrize("how", ["own file", "link"])
def test_what_is_not_ours_is_refused_and_untouched(tmp_path, name, how):
    victim = tmp_path / ("victim" if how == "link" else name)
    victim.write_bytes(b"\xff\xd8\xff a film")
    if how == "link":
        try:
            (tmp_path / name).symlink_to(victim)
        except OSError:
            pytest.skip("no links here")
    with pytest.raises(OutputError):
        write(tmp_path / "n.csv")
    assert victim.read_bytes() == b"\xff\xd8\xff a film"
    assert not is_running(tmp_path / "n.csv")


def test_lists_of_one_stem_have_reports_of_their_own(tmp_path):
    write(tmp_path / "n.csv")
    write(tmp_path / "n.tighter", ROWS[:3])
    write(tmp_path / "n", ROWS[:2])
    assert kept(tmp_path / "n.csv") == (ROWS, 0)
    assert kept(tmp_path / "n.tighter") == (ROWS[:3], 0)


def test_a_report_of_an_earlier_version_is_read(tmp_path):
    write(tmp_path / "n.csv")
    report_of(tmp_path / "n.csv").rename(tmp_path / "n.run.json")
    assert kept(tmp_path / "n.csv") == (ROWS, 0)


def test_a_triaged_list_is_not_gone_on_with(tmp_path):
    path = tmp_path / "n.csv"
    path.write_bytes(HEADER + encode(ROWS))
    RunReport(State.TRIAGED, source="m.csv").write(path)
    with pytest.raises(OutputError, match="triaged"):
        write(path)
    with path.open("rb") as stream:
        assert list(read_rows(stream)) == ROWS


@pytest.mark.parametrize("sums", [b"", b"xscan su"])
def test_a_run_that_failed_as_it_began_leaves_nothing_damaged(tmp_path, sums):
    path = tmp_path / "n.csv"
    write(path, [], finish=False)
    (tmp_path / "n.csv.part").write_bytes(b"")
    (tmp_path / "n.csv.sums").write_bytes(sums)
    assert kept(path) == ([], 0)
    assert damaged(tmp_path) == []


@pytest.mark.parametrize("name", ["n.csv", "n.csv.run.json", "n.jsonl", None])
def test_a_file_of_the_list_that_cannot_be_read_is_told_of(tmp_path, name):
    told = OSError(errno.EIO, "I/O error", *([] if name is None else [str(tmp_path / name)]))
    with pytest.raises(StorageError, match=rf"^{name or 'n.csv'} cannot be read"), Output(tmp_path / "n.csv", SETTINGS):
        raise told


@pytest.mark.parametrize("name", ["0001.jpeg", "films/0001.jpeg", "n.dcm"])
def test_a_film_that_cannot_be_read_is_not_told_as_the_list(tmp_path, name):
    told = OSError(errno.EIO, "I/O error", str(tmp_path / name))
    with pytest.raises(OSError, match="I/O error") as raised, Output(tmp_path / "n.csv", SETTINGS):
        raise told
    assert raised.value is told


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that opens and then fails")
def test_what_fails_amid_a_file_is_told_with_its_name():
    with pytest.raises(StorageError, match=r"^mem cannot be read"):
        digest_of(Path("/proc/self/mem"))


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a file that may not be read")
def test_a_list_that_may_not_be_read_is_not_damaged(tmp_path):
    path = tmp_path / "n.csv"
    write(path)
    path.chmod(0o200)
    with pytest.raises(OutputError, match="cannot be read"):
        kept(path)
    assert damaged(tmp_path) == []
