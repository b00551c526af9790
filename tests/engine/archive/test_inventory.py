"""The inventory and the parts: what is written comes back as it was, and nothing else is believed."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from xscan.engine.archive.inventory import ROWS_A_GROUP, Head, Inventory, Stopped, as_found
from xscan.engine.archive.listing import Listing
from xscan.engine.archive.place import ArchiveFolder
from xscan.engine.archive.settings import FEWEST_FILMS, MOST_FILMS, block_of
from xscan.engine.errors import StorageError, UnreadableRadiograph, UsageError
from xscan.engine.find.discover import discover
from xscan.engine.find.found import Found
from xscan.engine.find.zip_directory import Entry
from xscan.engine.lists.table import Row, utc


def written(target: Path, files: list[Found], root: str = "/films") -> Inventory:
    listing = Listing(target.with_name("listing"), root, False)
    assert listing.add(iter(files))
    listing.join(target, lambda number, size: Head(root, False, number, size))
    assert not target.with_name("listing").exists()
    return Inventory(target)


def test_what_a_walk_finds_comes_back(phantoms: Path, tmp_path: Path) -> None:
    found = list(discover(phantoms))
    inventory = written(tmp_path / "i.parquet", found, str(phantoms))
    back = list(as_found(inventory.rows(0, len(found)), str(phantoms)))
    assert [(f.file, f.path, f.bytes, utc(f.modified_ns)) for f in back] == [
        (f.file, f.path, f.bytes, utc(f.modified_ns)) for f in found
    ]
    inventory.check_order()
    assert inventory.head.bytes == sum(f.bytes for f in found)


def test_odd_names_members_times_and_problems_come_back(tmp_path: Path) -> None:
    entry = Entry(b"n\xff/a", 8, 8, 2**32 - 1, 2**64 - 1, 2**64 - 1, 2**64 + 7)
    odd = [
        Found("a\\xff", os.path.join("/films", os.fsdecode(b"a\xff")), None, 3, -1),
        Found("b", "/films/b", None, 0, 2**70),
        Found("z.zip/n", "/films/z.zip", entry, entry.unpacked, 5_000),
        Found("z.zip/o", "/films/z.zip", problem=UnreadableRadiograph("bad-zip", "damaged")),
    ]
    back = list(as_found(written(tmp_path / "i.parquet", odd).rows(0, 4), "/films"))
    for before, after in zip(odd, back, strict=True):
        assert (after.file, after.path, after.member, after.bytes) == (
            before.file,
            before.path,
            before.member,
            before.bytes,
        )
        assert utc(after.modified_ns) == utc(before.modified_ns)
        assert (after.problem and after.problem.reason) == (before.problem and before.problem.reason)


def test_blocks_that_cross_row_groups(tmp_path: Path) -> None:
    count = ROWS_A_GROUP + 10
    inventory = written(tmp_path / "i.parquet", [Found(f"{i:06d}", f"/films/{i:06d}") for i in range(count)])
    assert inventory.rows(ROWS_A_GROUP - 2, ROWS_A_GROUP + 3)["index"].to_pylist() == list(
        range(ROWS_A_GROUP - 2, ROWS_A_GROUP + 3)
    )
    assert len(inventory.rows(count - 1, count + 5)) == 1


def test_a_listing_that_was_cut_short_goes_on_behind_what_it_had(
    phantoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xscan.engine.archive.listing.ROWS_A_GROUP", 2)
    monkeypatch.setattr("xscan.engine.archive.listing.GROUPS_A_PIECE", 2)
    folder = tmp_path / "films"
    for name in ("a", "a-b", "a.c/d"):
        shutil.copytree(phantoms, folder / name)
    with zipfile.ZipFile(folder / "a" / "m.zip", "w") as archive:
        for member in ("1", "2/3", "4"):
            archive.writestr(member, "a film")
    whole = list(discover(folder))
    kept, place, starts = 0, tmp_path / "listing", []
    while True:
        listing = Listing(place, str(folder), False)
        starts.append(listing.files)
        assert [f.file for f in discover(folder, after=listing.last)] == [f.file for f in whole[listing.files :]]

        def walk(listing: Listing = listing) -> Iterator[Found]:
            for number, found in enumerate(discover(folder, after=listing.last)):
                if number == 7:
                    raise Stopped
                yield found

        kept += 1
        if listing.add(walk()):
            break
    assert starts == list(range(0, len(whole), 4))[: len(starts)]
    assert len(starts) > 5
    listing.join(tmp_path / "i.parquet", lambda n, size: Head(str(folder), False, n, size))
    assert list(as_found(Inventory(tmp_path / "i.parquet").rows(0, 99), str(folder))) == [
        replace(found, modified_ns=found.modified_ns // 1000 * 1000) for found in whole
    ]


def test_a_listing_of_another_source_or_through_links_begins_anew(tmp_path: Path, phantoms: Path) -> None:
    for root, links in (("/other", False), ("/films", True)):
        listing = Listing(tmp_path, root, False)
        if links:
            listing.linked()
        assert listing.add(iter([Found("a", "/films/a")]))
        (tmp_path / ".0123456789abcdef.tmp.0000001.parquet").write_text("half written")
        again = Listing(tmp_path, "/films", False)
        assert (again.files, again.last) == (0, "")
        assert not list(tmp_path.iterdir())


def test_what_is_no_inventory_or_was_changed_is_refused(tmp_path: Path) -> None:
    import pyarrow.parquet

    path = tmp_path / "i.parquet"
    inventory = written(path, [Found("a", "/films/a"), Found("b", "/films/b")])
    table = inventory.rows(0, 2)
    pyarrow.parquet.write_table(table.replace_schema_metadata(None), tmp_path / "bare.parquet")  # none of ours
    with pytest.raises(UsageError, match="no inventory of this version"):
        Inventory(tmp_path / "bare.parquet")
    pyarrow.parquet.write_table(table.take([1, 0]), tmp_path / "swapped.parquet")
    with pytest.raises(UsageError, match="not in the order"):
        Inventory(tmp_path / "swapped.parquet").check_order()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UsageError, match="no inventory of this version"):
        Inventory(path)


def test_parts_of_another_inventory_and_damaged_ones_are_made_again(tmp_path: Path) -> None:
    folder = ArchiveFolder(tmp_path)
    folder.make()
    folder.prepare_parts()
    head = Head("/films", False, 10, 0)
    rows = [Row(f"{i}", "ok", reason="='x\n") for i in range(10)]
    for number in range(3):
        folder.write_part(head, number, 4, rows[number * 4 : number * 4 + 4])
    assert folder.done(head, 4) == {0, 1, 2}
    assert [row for part in folder.rows(head, 4) for row in part] == rows
    folder.write_part(Head("/films", False, 10, 0), 1, 4, rows[4:8])
    assert folder.done(head, 4) == {0, 2}
    assert not folder.part(1).exists()
    folder.write_part(head, 1, 4, rows[4:8])
    content = bytearray(folder.part(2).read_bytes())
    content[len(content) // 3] ^= 255
    folder.part(2).write_bytes(content)
    with pytest.raises(StorageError, match="damaged"):
        list(folder.rows(head, 4))
    assert folder.done(head, 4) == {0, 1}


@pytest.mark.parametrize(("files", "block"), [(0, FEWEST_FILMS), (10**6, 256), (10**8, MOST_FILMS)])
def test_archives_are_divided_by_their_size(files: int, block: int) -> None:
    assert block_of(files) == block


@pytest.mark.skipif(os.name != "posix", reason="a limit on file size stands in for a full disk")
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    import resource

    folder = ArchiveFolder(tmp_path)
    folder.make()
    folder.prepare_parts()
    files = [Found(f"{os.urandom(40).hex()}", f"/films/{i}") for i in range(3000)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(StorageError, match="the disk is full"):
            Listing(folder.listing, "/films", False).add(iter(files))
        with pytest.raises(StorageError, match="the disk is full"):
            folder.write_part(Head("/films", False, 3000, 0), 0, 3000, [Row(f.file, "ok") for f in files])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sorted(path.name for path in folder.folder.rglob("*")) == ["listing", "parts"]
