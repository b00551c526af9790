"""A zip export, read in place: its members in order, refusing what could harm.

Refused each for itself: names that lead out of the zip, that are longer than a list can hold or that stand there twice,
encrypted members. Refused as a whole: overlapping or absurdly compressed data, more members than `MAX_MEMBERS`. Zips
inside a zip are not opened.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, BinaryIO

from ..errors import FileProblem, UnreadableRadiograph
from .found import MAX_NAME, shown_name
from .in_order import in_order
from .zip_directory import DEFLATED, STORED, BadZip, Entry, find_directory, read_entries, tail, unpack, unpack_head

SUFFIXES = (".zip", ".osirixzip")  #: of files that are opened; office documents and programs are zips, too
MAX_MEMBERS = 200_000
MAX_DIRECTORY_BYTES = 64 * 2**20  #: of the zip's central directory
MAX_RATIO = 200  #: of a whole zip larger than LARGE when unpacked
LARGE = 2**30
ENTRIES_A_RUN = 10_000  #: held in memory; the members of a larger zip are sorted on disk
_MANY = f"the zip lists more than {MAX_MEMBERS} files"

#: `C:` leads to another drive; a colon elsewhere, as in a time, is a letter like others.
_DRIVE = re.compile(r"[A-Za-z]:")


def _opened(path: str) -> BinaryIO:
    return open(path, "rb")


@dataclass(frozen=True, slots=True)
class Member:
    entry: Entry
    shown: str  #: its name with forward slashes, harmless
    problem: FileProblem | None = None


def is_zip(path: str) -> bool:
    """As `begins_or_ends_as_zip`. False when the file cannot be opened: reading will say why."""
    try:
        with open(path, "rb") as stream:
            return begins_or_ends_as_zip(stream)
    except OSError:
        return False


def begins_or_ends_as_zip(stream: BinaryIO) -> bool:
    """Whether it is a zip, by its beginning; or by its end, where something stands before it: a program that unpacks
    it, empty bytes (APPNOTE 4.1.9)."""
    return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06") or b"PK\x05\x06" in tail(stream)


def members(path: str, opened: Callable[[str], BinaryIO] = _opened) -> Iterator[Member]:
    """A zip's files, sorted by path components. opened: of a zip that is no file of this machine.

    Raise FileProblem, before the first, if it is refused as a whole.
    """
    try:
        with opened(path) as stream:
            size = stream.seek(0, 2)
            directory = find_directory(stream)
            if directory.entries > MAX_MEMBERS or directory.size > MAX_DIRECTORY_BYTES:
                raise UnreadableRadiograph("zip-bomb", _MANY)
            counted = _counted(read_entries(stream, directory), size)
            found = in_order(map(_member, counted), _place, ENTRIES_A_RUN, _dump, _load)
    except FileProblem:
        raise
    except FileNotFoundError:
        raise UnreadableRadiograph("vanished", "gone between listing and reading") from None
    except PermissionError:
        raise UnreadableRadiograph("unreadable", "the file may not be read") from None
    except (BadZip, OSError):
        raise UnreadableRadiograph("bad-zip", "the zip is damaged or incomplete") from None
    return _one_a_name(found)


def _counted(entries: Iterator[Entry], size: int) -> Iterator[Entry]:
    """The files among the entries of a zip of `size` bytes. Raise UnreadableRadiograph when they are too much of it."""
    count = packed = unpacked = 0
    for number, entry in enumerate(entries):
        if number >= MAX_MEMBERS:  # the end record said fewer
            raise UnreadableRadiograph("zip-bomb", _MANY)
        if entry.name.endswith("/"):
            continue
        count += 1
        packed += entry.packed
        unpacked += entry.unpacked
        yield entry
    if packed > size or (unpacked > LARGE and unpacked > MAX_RATIO * size):
        raise UnreadableRadiograph("zip-bomb", "the zip unpacks to far more than a zip of radiographs")
    if not count:
        raise UnreadableRadiograph("bad-zip", "the zip holds no file")


def _place(member: Member) -> list[str]:
    return member.shown.split("/")


def _dump(member: Member) -> list[Any]:
    e = member.entry
    return [e.raw.decode("latin-1"), e.flags, e.method, e.crc, e.packed, e.unpacked, e.offset]


def _load(values: list[Any]) -> Member:
    raw, *numbers = values
    return _member(Entry(raw.encode("latin-1"), *numbers))


def _one_a_name(members: Iterator[Member]) -> Iterator[Member]:
    """Of several members of one name none is read, for nobody knows which is meant: one row for them all."""
    last: Member | None = None
    for member in members:
        if last is not None and member.shown == last.shown:
            problem = UnreadableRadiograph("zip-member-refused", "the zip holds several files of this name")
            last = replace(last, problem=problem)
            continue
        if last is not None:
            yield last
        last = member
    if last is not None:
        yield last


def _member(entry: Entry) -> Member:
    spelled = entry.name.replace("\\", "/")
    parts = spelled.split("/")
    inside = [part for part in parts if part not in ("", ".")]  # `./a//b` is `a/b`
    shown = shown_name("/".join(inside))
    problem = None
    if spelled.startswith("/") or _DRIVE.match(spelled) or ".." in parts or not inside:
        # Shown so that the row can never be taken for a path out of the zip.
        shown = "/".join(shown_name(part).replace("..", "%2E%2E") or "%2F" for part in parts)
        problem = UnreadableRadiograph("zip-member-refused", "its name leads out of the zip")
    elif entry.encrypted:
        problem = UnreadableRadiograph("encrypted", "the zip is locked with a password")
    elif entry.method not in (STORED, DEFLATED):
        problem = UnreadableRadiograph("zip-method", "packed by another method than deflate")
    if len(shown) > MAX_NAME:
        shown = f"{shown[:64]}...{sha256(entry.raw).hexdigest()[:16]}"
        problem = UnreadableRadiograph("zip-member-refused", f"its name is longer than {MAX_NAME} letters")
    return Member(entry, shown, problem)


def read_member(path: str, entry: Entry, max_bytes: int) -> bytes:
    """Unpack one member whole; it may not be larger than its directory entry says nor than `max_bytes`."""
    if max(entry.unpacked, entry.packed) > max_bytes:
        raise UnreadableRadiograph("too-large", f"over the limit of {max_bytes // 2**20} MB")
    try:
        with open(path, "rb") as stream:
            return unpack(stream, entry)
    except FileNotFoundError:
        raise UnreadableRadiograph("vanished", "gone between listing and reading") from None
    except BadZip:
        raise UnreadableRadiograph("bad-zip", "this member of the zip is damaged") from None
    except OSError:
        raise UnreadableRadiograph("unreadable", "the file may not be read") from None


def read_head(path: str, entry: Entry, count: int) -> bytes:
    """The first bytes of a member; none where it cannot be read, which `read_member` will say."""
    try:
        with open(path, "rb") as stream:
            return unpack_head(stream, entry, count)
    except (BadZip, OSError):
        return b""
