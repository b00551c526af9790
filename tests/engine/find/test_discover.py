"""Discovery: every file once, in one order, whatever the folder holds."""

import os
import socket
import struct
import sys
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from xscan.engine.errors import NotARadiograph, UnreadableRadiograph, UsageError
from xscan.engine.find import discover as module
from xscan.engine.find import zips
from xscan.engine.find.discover import discover
from xscan.engine.find.found import MAX_NAME, order_key, real_name
from xscan.engine.read.decode import read_film

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def fill(folder: Path, *files: str) -> None:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.encode("utf-8", "surrogateescape"))


def make_zip(path: Path, *members: str, method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as target:
        for member in members:
            target.writestr(member, member * 10)


def files(folder: Path, **options: object) -> list[str]:
    return [found.file for found in discover(folder, **options)]


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


def test_members_are_read_in_place(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        make_zip(tmp_path / "export.ZIP", "DICOM/1", "DICOM/0", "DICOM\\2", method=method)
        found = list(discover(tmp_path))
        assert [one.file for one in found] == [f"export.ZIP/DICOM/{number}" for number in range(3)]
        assert zips.read_member(found[0].path, found[0].member, 1000) == b"DICOM/0" * 10
        assert found[0].bytes == 70


def test_a_zip_by_name_alone_is_a_file(tmp_path: Path) -> None:
    fill(tmp_path, "not really.zip")
    assert files(tmp_path) == ["not really.zip"]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "C:/evil", "..\\evil", "c:evil", "."])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    make_zip(tmp_path / "e.zip", "good", name)
    found = {one.file: one.problem for one in discover(tmp_path)}
    assert found.pop("e.zip/good") is None
    ((file, problem),) = found.items()
    assert problem.code == "zip-member-refused"
    assert ".." not in file
    assert "//" not in file
    assert list(found) == sorted(found, key=order_key)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("./DICOM/1", "DICOM/1"),
        ("DICOM//1", "DICOM/1"),
        (".\\DICOM\\.\\1", "DICOM/1"),
        ("CR 12:30:45/1", "CR 12:30:45/1"),
        ("a/C:/1", "a/C:/1"),
        ("a/.../1..2", "a/.../1..2"),
    ],
)
def test_names_that_stay_inside_are_read(tmp_path: Path, name: str, shown: str) -> None:
    make_zip(tmp_path / "e.zip", name)
    (found,) = discover(tmp_path)
    assert (found.file, found.problem) == (f"e.zip/{shown}", None)
    assert zips.read_member(found.path, found.member, 1000) == name.encode() * 10


@pytest.mark.parametrize("before", [b"MZ" + b"program" * 500, bytes(4096), b"PK00", b"#!/bin/sh\n"])
def test_what_stands_before_a_zip_does_not_hide_it(tmp_path: Path, before: bytes) -> None:
    make_zip(tmp_path / "e.zip", "DICOM/1", "DICOM/2")
    (tmp_path / "e.zip").write_bytes(before + (tmp_path / "e.zip").read_bytes() + b"a tail")
    found = list(discover(tmp_path))
    assert [one.file for one in found] == ["e.zip/DICOM/1", "e.zip/DICOM/2"]
    assert zips.read_member(found[0].path, found[0].member, 1000) == b"DICOM/1" * 10


def test_osirix_writes_zips_of_another_suffix(tmp_path: Path) -> None:
    make_zip(tmp_path / "study.osirixzip", "film")
    make_zip(tmp_path / "report.docx", "word")
    assert files(tmp_path) == ["report.docx", "study.osirixzip/film"]


def test_a_zip_in_a_zip_is_not_opened(tmp_path: Path) -> None:
    make_zip(tmp_path / "inner", "film")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as target:
        target.write(tmp_path / "inner", "inner.zip")
    (tmp_path / "inner").unlink()
    (found,) = discover(tmp_path)
    with pytest.raises(UnreadableRadiograph, match="nested-zip"):
        read_film(found)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("zeros", bytes(4_000_000))
    monkeypatch.setattr(zips, "LARGE", 1_000_000)
    (found,) = discover(tmp_path)
    assert found.file == "bomb.zip"
    assert found.problem.code == "zip-bomb"


def test_a_member_over_the_limit_is_not_unpacked(tmp_path: Path) -> None:
    make_zip(tmp_path / "e.zip", "film")
    (found,) = discover(tmp_path)
    with pytest.raises(UnreadableRadiograph, match="too-large"):
        zips.read_member(found.path, found.member, 10)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_zip(tmp_path / "e.zip", *map(str, range(20)))
    monkeypatch.setattr(zips, "MAX_MEMBERS", 10)
    (found,) = discover(tmp_path)
    assert found.problem.code == "zip-bomb"


def test_too_many_members_are_refused_whatever_the_zip_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_zip(tmp_path / "e.zip", *map(str, range(20)))
    content = bytearray((tmp_path / "e.zip").read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 8 : end + 12] = b"\1\0\1\0"  # entries, here and in all
    (tmp_path / "e.zip").write_bytes(content)
    monkeypatch.setattr(zips, "MAX_MEMBERS", 10)
    (found,) = discover(tmp_path)
    assert found.problem.code == "zip-bomb"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_python_unpacks_without_a_bound_are_refused(tmp_path: Path, method: int) -> None:
    make_zip(tmp_path / "e.zip", "film", method=method)
    (found,) = discover(tmp_path)
    assert found.problem.code == "zip-method"


def test_damaged_zips_are_rows(tmp_path: Path) -> None:
    make_zip(tmp_path / "whole.zip", "a", "b", method=zipfile.ZIP_DEFLATED)
    content = (tmp_path / "whole.zip").read_bytes()
    (tmp_path / "whole.zip").unlink()
    (tmp_path / "cut.zip").write_bytes(content[: len(content) // 2])
    (tmp_path / "flipped.zip").write_bytes(content[:33] + bytes([content[33] ^ 0xFF]) + content[34:])
    found = list(discover(tmp_path))
    assert [one.file for one in found] == ["cut.zip", "flipped.zip/a", "flipped.zip/b"]
    assert found[0].problem.code == "bad-zip"
    with pytest.raises(UnreadableRadiograph, match="bad-zip"):
        read_film(found[1])


def test_encrypted_members_are_rows(tmp_path: Path) -> None:
    make_zip(tmp_path / "e.zip", "film")
    content = bytearray((tmp_path / "e.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "e.zip").write_bytes(content)
    (found,) = discover(tmp_path)
    assert found.problem.code == "encrypted"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_none_is_read(tmp_path: Path) -> None:
    make_zip(tmp_path / "e.zip", "a", "b", "a", "c", "c", "c")
    found = {one.file: one.problem for one in discover(tmp_path)}
    assert list(found) == ["e.zip/a", "e.zip/b", "e.zip/c"]
    assert found["e.zip/b"] is None
    assert {found[f"e.zip/{name}"].code for name in "ac"} == {"zip-member-refused"}


def test_a_bad_name_refuses_only_itself(tmp_path: Path) -> None:
    """Too long for any list; no UTF-8 though the flag says so; empty."""
    names = ["x" * 5000, "x" * 5000 + "y", "é", "good", "y" * 4000, "EMPTY"]
    make_zip(tmp_path / "e.zip", *names)
    content = (tmp_path / "e.zip").read_bytes().replace("é".encode(), b"\xff\xfe")
    at = content.rindex(b"EMPTY")
    content = content[: at - 18] + b"\0\0" + content[at - 16 : at] + content[at + 5 :]
    end = content.rindex(b"PK\5\6")
    size = int.from_bytes(content[end + 12 : end + 16], "little") - 5
    (tmp_path / "e.zip").write_bytes(content[: end + 12] + size.to_bytes(4, "little") + content[end + 16 :])
    found = list(discover(tmp_path))
    assert [one.file for one in found] == sorted((one.file for one in found), key=order_key)
    assert all(len(one.file) < 4200 for one in found)
    kept = {one.file: one for one in found if one.problem is None}
    assert set(kept) == {"e.zip/good", "e.zip/\\xff\\xfe", "e.zip/" + "y" * 4000}
    assert zips.read_member(kept["e.zip/good"].path, kept["e.zip/good"].member, 1000) == b"good" * 10
    assert [one.problem.code for one in found if one.problem] == ["zip-member-refused"] * 3
    assert len({one.file for one in found}) == 6


def decoy(folder: Path, members: int, said: int, zip64: bool) -> None:
    """A zip whose end record, or a zip64 record far from it, says less than its directory holds."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    record = struct.Struct("<4sQHHIIQQQQ")
    content = b"PK\3\4" + bytes(26) + record.pack(b"PK\6\6", 44, 45, 45, 0, 0, said, said, 47 * said, 0)
    start, size = len(content), len(entry) * members
    content += entry * members
    if zip64:
        content += record.pack(b"PK\6\6", 44, 45, 45, 0, 0, members, members, size, start)
        content += struct.pack("<4sIQI", b"PK\6\7", 0, 30, 1)
        content += struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    else:
        content += struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, said, said, size, start, 0)
    (folder / "d.zip").write_bytes(content)


@pytest.mark.parametrize("zip64", [False, True])
def test_a_directory_larger_than_the_zip_says_takes_no_memory(tmp_path: Path, zip64: bool) -> None:
    decoy(tmp_path, members=250_000, said=100, zip64=zip64)
    tracemalloc.start()
    (found,) = discover(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert (found.file, found.problem.code) == ("d.zip", "zip-bomb")


def test_the_members_of_a_large_zip_are_sorted_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number * 7919 % 1000 // 10:02d}/{number * 7919 % 1000:04d} ü\n" for number in range(1000)]
    make_zip(tmp_path / "e.zip", *names)
    monkeypatch.setattr(zips, "ENTRIES_A_RUN", 64)
    found = list(discover(tmp_path))
    assert [one.file for one in found] == [f"e.zip/{name}" for name in sorted(names)]
    assert zips.read_member(found[500].path, found[500].member, 1000) == sorted(names)[500].encode() * 10


def test_a_zip_of_the_64_bit_kind(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as target, target.open("a", "w", force_zip64=True) as stream:
        stream.write(b"film")
    (found,) = discover(tmp_path)
    assert zips.read_member(found.path, found.member, 1000) == b"film"


@pytest.mark.parametrize("place", [1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_a_member_that_lies_beyond_every_file(tmp_path: Path, place: int) -> None:
    make_zip(tmp_path / "e.zip", "film")
    content = (tmp_path / "e.zip").read_bytes()
    at, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry, last = bytearray(content[at:end]), bytearray(content[end:])
    struct.pack_into("<H", entry, 30, 12)  # length of its extra fields
    struct.pack_into("<I", entry, 42, 0xFFFFFFFF)  # where it lies: see there
    struct.pack_into("<I", last, 12, len(entry) + 12)
    (tmp_path / "e.zip").write_bytes(content[:at] + entry + struct.pack("<HHQ", 1, 8, place) + last)
    (found,) = discover(tmp_path)
    with pytest.raises(UnreadableRadiograph, match="bad-zip"):
        read_film(found)
    assert found.member is not None
    assert zips.read_head(found.path, found.member, 100) == b""


def test_a_zip_that_changed_after_the_listing(tmp_path: Path) -> None:
    make_zip(tmp_path / "e.zip", "film one", "film two")
    found = list(discover(tmp_path))
    make_zip(tmp_path / "e.zip", "another film", "film one")
    for one in found:
        with pytest.raises(UnreadableRadiograph, match="bad-zip"):
            read_film(one)


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


@pytest.mark.parametrize("offset", [10, 2**62, 2**63, 2**64 - 1, 2**64 + 30])
def test_a_member_that_lies_where_no_file_reaches(tmp_path: Path, offset: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr("a.png", b"film")
    (member,) = zips.members(str(tmp_path / "a.zip"))
    entry = replace(member.entry, offset=offset)
    with pytest.raises(UnreadableRadiograph):
        zips.read_member(str(tmp_path / "a.zip"), entry, 100)
    assert zips.read_head(str(tmp_path / "a.zip"), entry, 4) == b""
