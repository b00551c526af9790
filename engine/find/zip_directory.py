"""A zip's own list of its members, read entry by entry (APPNOTE 4.3.12 to 4.3.16).

zipfile keeps the whole list in memory, 0.7 kB a member in every process, goes by the directory's size whatever the end
record says, and gives the zip up for one name that it cannot decode. Here an entry says all that reading needs, so that
only one process ever reads the list.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

STORED, DEFLATED = 0, 8

_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_ALL_ONES = 0xFFFFFFFF
_UTF8 = 1 << 11
_SEALED = 1 << 5 | 1 << 6  #: patch data, strong encryption


class BadZip(Exception):
    """The zip, or the member, is damaged."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member, as the central directory has it."""

    raw: bytes  #: its name
    flags: int
    method: int
    crc: int  #: CRC-32 of the unpacked content
    packed: int  #: bytes
    unpacked: int  #: bytes
    offset: int  #: of its local header in the file

    @property
    def name(self) -> str:
        """The name as text; bytes that are none become surrogates, as Python has them in file names."""
        raw = self.raw.split(b"\0", 1)[0]
        return raw.decode("utf-8", "surrogateescape") if self.flags & _UTF8 else raw.decode("cp437")

    @property
    def encrypted(self) -> bool:
        return bool(self.flags & 1)


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the list stands."""

    entries: int  #: as the end record says
    size: int  #: bytes
    start: int
    shift: int  #: bytes that stand before the zip, to which its own offsets do not refer


def tail(stream: BinaryIO) -> bytes:
    """The last bytes, with the end record and its comment, and what zip64 puts before it."""
    stream.seek(max(0, stream.seek(0, 2) - _END.size - 65_535 - _LOCATOR.size - _END_64.size))
    return stream.read()


def find_directory(stream: BinaryIO) -> Directory:
    """Raise BadZip where there is no end record. One end record is found and used, here alone."""
    last = tail(stream)
    length = stream.tell()
    at = len(last) - _END.size
    if last[max(0, at) : at + 4] != b"PK\5\6" or last[-2:] != b"\0\0":
        at = last.rfind(b"PK\5\6")  # behind it a comment
    if at < 0 or at + _END.size > len(last):
        raise BadZip
    _, _, _, _, entries, size, offset, _ = _END.unpack_from(last, at)
    end = length - len(last) + at  # of the directory
    before = at - _LOCATOR.size
    if before >= _END_64.size and last[before : before + 4] == b"PK\6\7":
        before -= _END_64.size
        if last[before : before + 4] == b"PK\6\6":
            *_, entries, size, offset = _END_64.unpack_from(last, before)
            end = length - len(last) + before
    start = end - size
    if start < 0 or start < offset:
        raise BadZip
    return Directory(entries, size, start, start - offset)


def read_entries(stream: BinaryIO, directory: Directory) -> Iterator[Entry]:
    """All that the directory's bytes hold, whatever the end record says of their number. Raise BadZip."""
    stream.seek(directory.start)
    left = directory.size
    while left > 0:
        head = stream.read(_CENTRAL.size)
        if len(head) < _CENTRAL.size or head[:4] != b"PK\1\2":
            raise BadZip
        fields = _CENTRAL.unpack(head)
        flags, method, crc, packed, unpacked, name, extra, comment, offset = (
            *fields[3:5],
            *fields[7:13],
            fields[16],
        )
        rest = stream.read(name + extra + comment)
        left -= len(head) + len(rest)
        if len(rest) < name + extra + comment or left < 0:
            raise BadZip
        if _ALL_ONES in (packed, unpacked, offset):
            unpacked, packed, offset = _zip64(rest[name : name + extra], [unpacked, packed, offset])
        yield Entry(rest[:name], flags, method, crc, packed, unpacked, offset + directory.shift)


def _zip64(extra: bytes, values: list[int]) -> list[int]:
    """The values that are all ones, from the extra field 1, in its order (APPNOTE 4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1:
            for number, value in enumerate(values):
                if value == _ALL_ONES:
                    if size < 8 or at + 8 > len(extra):
                        raise BadZip
                    (values[number],) = struct.unpack_from("<Q", extra, at)
                    at, size = at + 8, size - 8
            return values
        at += size
    return values


def unpack(stream: BinaryIO, entry: Entry) -> bytes:
    """A member's content, of exactly the length that its entry says and with its sum. Raise BadZip, MemoryError."""
    _seek(stream, entry)
    if entry.method == STORED:
        if entry.packed != entry.unpacked:
            raise BadZip
        content = stream.read(entry.unpacked)
    else:
        try:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read(entry.packed), entry.unpacked + 1)
        except zlib.error:
            raise BadZip from None
    if len(content) != entry.unpacked or zlib.crc32(content) != entry.crc:
        raise BadZip
    return content


def unpack_head(stream: BinaryIO, entry: Entry, count: int) -> bytes:
    """The first `count` bytes of a member, unchecked. Raise BadZip."""
    _seek(stream, entry)
    packed = stream.read(min(count, entry.packed))
    if entry.method == STORED:
        return packed
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, count)
    except zlib.error:
        raise BadZip from None


def _seek(stream: BinaryIO, entry: Entry) -> None:
    """To where a member's data begin. Raise BadZip."""
    if entry.offset > stream.seek(0, 2):  # it may say up to 2**64, which no stream takes
        raise BadZip
    stream.seek(entry.offset)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\3\4" or entry.flags & _SEALED:
        raise BadZip
    name, extra = struct.unpack_from("<2H", head, 26)
    if stream.read(name) != entry.raw:
        raise BadZip
    stream.seek(extra, 1)
