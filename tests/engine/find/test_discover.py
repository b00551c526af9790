"""Discovery: every file once, in one order, whatever the folder holds."""

import os
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from xscan.engine.errors import NotARadiograph, UnreadableRadiograph, UsageError
from xscan.engine.find import discover as module
from xscan.engine.find.discover import discover
from xscan.engine.find.found import MAX_NAME, order_key, real_name
from xscan.engine.read.decode import read_film

from .folders import files, fill, make_zip, posix


def test_the_order_is_that_of_path_components(tmp_path: Path) -> None:
    fill(tmp_path, "b", "a/2", "a/10", "a.b", "a-b", "A", "ä", "z/y/x", "z/y.x", ".hidden", "a b/c", "日本/語")
    make_zip(tmp_path / "m.zip", "q/2", "q/1", "q.x", "a")
    fill(tmp_path, "m.zip.txt", "m")
    found = files(tmp_path)
    assert found == sorted(found, key=order_key)
    assert len(found) == len(set(found)) == 18
    assert found.index("m") < found.index("m.zip/a") < found.index("m.zip/q/1") < found.index("m.zip.txt")


def test_a_large_folder_is_sorted_in_runs_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number * 7919 % 1000:04d} ü\n" for number in range(1000)]
    fill(tmp_path, *names)
    monkeypatch.setattr(module, "NAMES_A_RUN", 64)
    assert files(tmp_path) == sorted(names)


def test_an_early_stop_closes_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, *(f"{number:04d}" for number in range(200)))
    monkeypatch.setattr(module, "NAMES_A_RUN", 16)
    walk = discover(tmp_path)
    assert next(walk).file == "0000"
    assert isinstance(walk, Generator)
    walk.close()


def test_size_time_and_path(tmp_path: Path) -> None:
    fill(tmp_path, "a/b")
    (found,) = discover(tmp_path)
    status = (tmp_path / "a/b").stat()
    assert (found.bytes, found.modified_ns, found.member) == (3, status.st_mtime_ns, None)
    assert Path(found.path) == tmp_path / "a" / "b"


def test_own_outputs_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a", "triage.csv", "sub/triage.csv")
    assert files(tmp_path, exclude=[tmp_path / "triage.csv"]) == ["a", "sub/triage.csv"]


@posix
def test_own_outputs_are_known_under_any_name(tmp_path: Path) -> None:
    fill(tmp_path, "scan/film", "scan/night.csv", "scan/night.csv.part", "out/real.csv")
    (tmp_path / "way").symlink_to(tmp_path / "scan")
    (tmp_path / "scan/latest.csv").symlink_to(tmp_path / "out/real.csv")
    os.link(tmp_path / "out/real.csv", tmp_path / "scan/second name.csv")
    spelled = [tmp_path / "way/night.csv", tmp_path / "scan/../way/./night.csv.part"]
    assert files(tmp_path / "scan", exclude=[*spelled, tmp_path / "out/real.csv"]) == ["film"]
    (tmp_path / "list.csv").symlink_to(tmp_path / "scan/night.csv")  # the output is a link into the folder
    found = files(tmp_path / "way", exclude=[tmp_path / "list.csv"])
    assert found == ["film", "latest.csv", "night.csv.part", "second name.csv"]


@posix
def test_own_outputs_that_come_to_be_during_the_walk(tmp_path: Path) -> None:
    fill(tmp_path, "scan/a", "scan/c/film")
    (tmp_path / "way").symlink_to(tmp_path / "scan")
    walk = discover(tmp_path / "scan", exclude=[tmp_path / "way/b.csv", tmp_path / "way/c/b.csv"])
    assert next(walk).file == "a"
    fill(tmp_path, "scan/b.csv", "scan/c/b.csv")
    assert [found.file for found in walk] == ["c/film"]


@posix
def test_settled_outputs_are_looked_at_once_and_known_under_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, *(f"scan/{number:02d}/film" for number in range(10)), "scan/a.csv", "scan/c.csv", "out/b.csv")
    os.link(tmp_path / "out/b.csv", tmp_path / "scan/05/second name.csv")
    (tmp_path / "scan/06/latest.csv").symlink_to(tmp_path / "out/b.csv")
    (tmp_path / "way").symlink_to(tmp_path / "scan")
    settled = [tmp_path / "way/a.csv", tmp_path / "out/b.csv", tmp_path / "out/none.csv"]
    looked: list[str] = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: looked.append(str(path)) or stat(path, **how))
    walk = discover(tmp_path / "scan", [tmp_path / "way/c.csv"], settled=settled)
    first = next(walk).file
    fill(tmp_path, "new")
    os.replace(tmp_path / "new", tmp_path / "out/b.csv")  # while the walk goes on: a page made again by hand
    (tmp_path / "scan/05/second name.csv").unlink()
    os.link(tmp_path / "scan/a.csv", tmp_path / "scan/05/second name.csv")
    assert [first, *(found.file for found in walk)] == [f"{number:02d}/film" for number in range(10)]
    assert [looked.count(str(path)) for path in settled] == [1, 1, 1]
    assert looked.count(str(tmp_path / "way/c.csv")) == 11  # tonight's: in each folder


def test_a_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        files(tmp_path / "not there")


@posix
def test_links(tmp_path: Path) -> None:
    fill(tmp_path, "real/film")
    (tmp_path / "real/up").symlink_to(tmp_path)
    (tmp_path / "to file").symlink_to(tmp_path / "real/film")
    (tmp_path / "to folder").symlink_to(tmp_path / "real")
    (tmp_path / "to nothing").symlink_to(tmp_path / "gone")
    found = {one.file: one.problem for one in discover(tmp_path)}
    assert list(found) == ["real/film", "real/up", "to file", "to folder/film", "to folder/up", "to nothing"]
    for file in ("real/up", "to folder/up"):
        assert isinstance(found[file], NotARadiograph)
        assert found[file].code == "link-loop"
    assert found["to nothing"].code == "broken-link"
    assert found["to file"] is None


@posix
def test_links_out_of_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, "in/film", "in/sub/film", "out/film", "inside/film")
    (tmp_path / "in/file").symlink_to(tmp_path / "out/film")
    (tmp_path / "in/folder").symlink_to("../out")
    (tmp_path / "in/root").symlink_to("/")
    (tmp_path / "in/sibling").symlink_to("../inside")  # its path begins like the folder's
    (tmp_path / "in/stays").symlink_to("sub/film")
    found = {one.file: one.problem for one in discover(tmp_path / "in")}
    assert list(found) == ["file", "film", "folder", "root", "sibling", "stays", "sub/film"]
    assert {name for name, problem in found.items() if problem is None} == {"film", "stays", "sub/film"}
    assert {problem.code for problem in found.values() if problem} == {"link-outside"}
    (tmp_path / "in/root").unlink()
    followed = list(discover(tmp_path / "in", follow_links=True))
    names = ["file", "film", "folder/film", "sibling/film", "stays", "sub/film"]
    assert [one.file for one in followed if not one.problem] == names
    (tmp_path / "name").symlink_to("in")  # the scanned folder itself may be one
    assert [one.file for one in discover(tmp_path / "name") if not one.problem] == ["film", "stays", "sub/film"]


@posix
def test_a_folder_is_entered_by_one_link(tmp_path: Path) -> None:
    """Two links a level to the next level: 2 ** 24 ways to one film."""
    for level in range(25):
        fill(tmp_path, f"{level:02d}/film")
        if level:
            for name in ("a", "b"):
                (tmp_path / f"{level - 1:02d}" / name).symlink_to(f"../{level:02d}")
    for folder, follow in ((tmp_path, False), (tmp_path / "00", True)):
        found = list(discover(folder, follow_links=follow))
        assert len(found) < 200
        assert {one.problem.code for one in found if one.problem} == {"link-double"}
        assert sum(one.problem is None for one in found) >= 25


@posix
def test_hard_links_are_films_each(tmp_path: Path) -> None:
    fill(tmp_path, "a/film")
    (tmp_path / "b").mkdir()
    os.link(tmp_path / "a/film", tmp_path / "b/film")
    assert [one.file for one in discover(tmp_path) if one.problem is None] == ["a/film", "b/film"]


@posix
def test_an_unreadable_folder_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a", "locked/b", "z")
    real = os.scandir

    def scandir(path: str):
        if str(path).endswith("locked"):
            raise PermissionError
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = list(discover(tmp_path))
    assert [one.file for one in found] == ["a", "locked", "z"]
    assert isinstance(found[1].problem, UnreadableRadiograph)
    assert found[1].problem.code == "unreadable-folder"


@posix
def test_pipes_and_sockets_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert [one.problem.code for one in discover(tmp_path) if one.problem] == ["not-a-file"] * 2


@posix
def test_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"film\xff.jpg")).write_bytes(b"x")
    (found,) = discover(tmp_path)
    assert found.file == "film\\xff.jpg"
    found.file.encode("utf-8")
    with pytest.raises(NotARadiograph):
        read_film(found)  # it can be opened under its real name


def test_a_folder_that_changes_under_the_walk(tmp_path: Path) -> None:
    fill(tmp_path, "a", "b", "c/d", "e")
    walk = discover(tmp_path)
    first = next(walk)
    (tmp_path / "a").unlink()
    (tmp_path / "b").unlink()
    (tmp_path / "c/d").unlink()
    (tmp_path / "c").rmdir()
    assert {one.file: one.problem.code for one in walk if one.problem} == {"b": "vanished", "c": "vanished"}
    with pytest.raises(UnreadableRadiograph, match="vanished"):
        read_film(first)


def test_a_deep_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = 120
    monkeypatch.chdir(tmp_path)
    fill(Path(), "/".join("d" * depth) + "/film")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(110 + len(os.environ.get("PYTEST_CURRENT_TEST", "")))
    try:
        found = [one.file for one in discover(tmp_path)]
    except RecursionError:
        found = []
    finally:
        sys.setrecursionlimit(limit)
    assert len(found) == 1


# ---- zips


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone keeps any byte in a name")
def test_a_name_with_odd_bytes_is_shown_like_no_other(tmp_path: Path) -> None:
    names = [b"\xff.jpeg", rb"\xff.jpeg", rb"\x5cxff.jpeg", b"\\\xff", rb"\xFF", rb"\xf", "\\ü".encode(), b"\\x\xe9g"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    shown = files(tmp_path)
    assert len(set(shown)) == len(names)
    assert {os.fsencode(real_name(name)) for name in shown} == set(names)
    assert r"\xff.jpeg" in shown
    assert r"\x5cxff.jpeg" in shown


@posix
def test_a_folder_whose_path_is_longer_than_a_list_holds_is_one_row(tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff" * 250)  # a thousand letters as shown
    folder = tmp_path / "films" / odd / odd / odd / odd
    fill(folder, "in", f"{odd}/film")
    found = list(discover(tmp_path / "films"))
    assert [one.file.rpartition("/")[2] for one in found if one.problem is None] == ["in"]
    [problem] = [one.problem for one in found if one.problem]
    assert (problem.code, problem.detail) == ("unreadable-folder", f"its path is longer than {MAX_NAME} letters")


def test_who_waits_for_a_large_folder_hears_of_each_name(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}").touch()
    heard: list[None] = []
    next(discover(tmp_path, alive=lambda: heard.append(None)))
    assert len(heard) == 20 + 1  # listed before the first is given, which is then looked at
