"""Zips among the films: members where they lie, and zips that are not what they say."""

import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from xscan.engine.errors import UnreadableRadiograph
from xscan.engine.find import zips
from xscan.engine.find.discover import discover
from xscan.engine.find.found import Found, order_key
from xscan.engine.read.decode import read_film

from .folders import files, fill, make_zip


def unpacked(found: Found, most: int = 1000) -> bytes:
    assert found.member is not None
    return zips.read_member(found.path, found.member, most)


def test_members_are_read_in_place(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        make_zip(tmp_path / "export.ZIP", "DICOM/1", "DICOM/0", "DICOM\\2", method=method)
        found = list(discover(tmp_path))
        assert [one.file for one in found] == [f"export.ZIP/DICOM/{number}" for number in range(3)]
        assert unpacked(found[0]) == b"DICOM/0" * 10
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
    assert unpacked(found) == name.encode() * 10


@pytest.mark.parametrize("before", [b"MZ" + b"program" * 500, bytes(4096), b"PK00", b"#!/bin/sh\n"])
def test_what_stands_before_a_zip_does_not_hide_it(tmp_path: Path, before: bytes) -> None:
    make_zip(tmp_path / "e.zip", "DICOM/1", "DICOM/2")
    (tmp_path / "e.zip").write_bytes(before + (tmp_path / "e.zip").read_bytes() + b"a tail")
    found = list(discover(tmp_path))
    assert [one.file for one in found] == ["e.zip/DICOM/1", "e.zip/DICOM/2"]
    assert unpacked(found[0]) == b"DICOM/1" * 10


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
        unpacked(found, 10)


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
    assert unpacked(kept["e.zip/good"]) == b"good" * 10
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
def test_a_directory_larger_than_the_zip_says_takes_no_memory(
    tmp_path: Path, zip64: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "MAX_MEMBERS", 20_000)  # tracemalloc is slow
    decoy(tmp_path, members=40_000, said=100, zip64=zip64)  # as objects some 20 MB
    tracemalloc.start()
    (found,) = discover(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()
    assert (found.file, found.problem.code) == ("d.zip", "zip-bomb")


def test_the_members_of_a_large_zip_are_sorted_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number * 7919 % 1000 // 10:02d}/{number * 7919 % 1000:04d} ü\n" for number in range(1000)]
    make_zip(tmp_path / "e.zip", *names)
    monkeypatch.setattr(zips, "ENTRIES_A_RUN", 64)
    found = list(discover(tmp_path))
    assert [one.file for one in found] == [f"e.zip/{name}" for name in sorted(names)]
    assert unpacked(found[500]) == sorted(names)[500].encode() * 10


def test_a_zip_of_the_64_bit_kind(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as target, target.open("a", "w", force_zip64=True) as stream:
        stream.write(b"film")
    (found,) = discover(tmp_path)
    assert unpacked(found) == b"film"


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
