"""A zip export, read in place: its members in order, refusing what could harm.

Refused: names that lead out of the zip, encrypted members, two members of one name, overlapping or
absurdly compressed data, more members than `MAX_MEMBERS`. Zips inside a zip are not opened.
"""

import itertools
import re
import struct
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import FileProblem, UnreadableRadiograph

SUFFIXES = (".zip", ".osirixzip")  #: of files that are opened; office documents and programs are zips, too
MAX_MEMBERS = 200_000
MAX_DIRECTORY_BYTES = 64 * 2**20  #: of the zip's central directory
MAX_RATIO = 200  #: of a whole zip larger than LARGE when unpacked
LARGE = 2**30
_MANY = f"the zip lists more than {MAX_MEMBERS} files"

#: Of BZIP2 and LZMA, zipfile unpacks a chunk whole, whatever its size: a kilobyte of them becomes gigabytes.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


#: `C:` leads to another drive; a colon elsewhere, as in a time, is a letter like others.
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
    name: str  #: as the zip spells it
    shown: str  #: forward slashes, harmless
    bytes: int  #: unpacked
    problem: FileProblem | None = None


def is_zip(path: str) -> bool:
    """Whether the file is a zip, by its beginning; or by its end, where something stands before it: a program that
    unpacks it, empty bytes (APPNOTE 4.1.9). False when it cannot be opened: reading will say why."""
    try:
        with open(path, "rb") as stream:
            if stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06"):
                return True
            return b"PK\x05\x06" in _tail(stream)
    except OSError:
        return False


def members(path: str) -> list[Member]:
    """List a zip's files, sorted by path components. Raise FileProblem if the zip is refused as a whole."""
    try:
        _refuse_a_huge_directory(path)
        with _opened(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
        if len(infos) > MAX_MEMBERS:  # the end record said fewer
            raise UnreadableRadiograph("zip-bomb", _MANY)
    except FileProblem:
        raise
    except FileNotFoundError:
        raise UnreadableRadiograph("vanished", "gone between listing and reading") from None
    except PermissionError:
        raise UnreadableRadiograph("unreadable", "the file may not be read") from None
    except Exception:
        raise UnreadableRadiograph("bad-zip", "the zip is damaged or incomplete") from None
    unpacked = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    size = Path(path).stat().st_size
    if packed > size or (unpacked > LARGE and unpacked > MAX_RATIO * size):
        raise UnreadableRadiograph("zip-bomb", "the zip unpacks to far more than a zip of radiographs")
    if not infos:
        raise UnreadableRadiograph("bad-zip", "the zip holds no file")
    found = sorted((_member(info) for info in infos), key=lambda member: member.shown.split("/"))
    if any(one.shown == other.shown for one, other in itertools.pairwise(found)):
        raise UnreadableRadiograph("bad-zip", "the zip holds two files of one name")
    return found


def _member(info: zipfile.ZipInfo) -> Member:
    spelled = info.filename.replace("\\", "/")
    parts = spelled.split("/")
    inside = [part for part in parts if part not in ("", ".")]  # `./a//b` is `a/b`
    shown = "/".join(_showable(part) for part in inside)
    problem = None
    if spelled.startswith("/") or _DRIVE.match(spelled) or ".." in parts or not inside:
        # Shown so that the row can never be taken for a path out of the zip.
        shown = "/".join(_showable(part).replace("..", "%2E%2E") or "%2F" for part in parts)
        problem = UnreadableRadiograph("zip-member-refused", "its name leads out of the zip")
    elif info.flag_bits & 1:
        problem = UnreadableRadiograph("encrypted", "the zip is locked with a password")
    elif info.compress_type not in _METHODS:
        problem = UnreadableRadiograph("zip-method", "packed by another method than deflate")
    return Member(info.filename, shown, info.file_size, problem)


def _showable(part: str) -> str:
    return part.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "")


def read_member(path: str, name: str, max_bytes: int) -> bytes:
    """Unpack one member whole; it may not be larger than its directory entry says nor than `max_bytes`."""
    try:
        archive = _shared(path)
        info = archive.getinfo(name)
        if info.file_size > max_bytes:
            raise UnreadableRadiograph("too-large", f"over the limit of {max_bytes // 2**20} MB")
        with archive.open(info) as stream:
            content = stream.read(info.file_size + 1)
    except FileProblem:
        raise
    except FileNotFoundError:
        raise UnreadableRadiograph("vanished", "gone between listing and reading") from None
    except KeyError:
        raise UnreadableRadiograph("vanished", "no longer in the zip") from None
    except PermissionError:
        raise UnreadableRadiograph("unreadable", "the file may not be read") from None
    except MemoryError:
        raise
    except Exception:  # zlib, lzma and zipfile raise each their own
        raise UnreadableRadiograph("bad-zip", "this member of the zip is damaged") from None
    if len(content) != info.file_size:
        raise UnreadableRadiograph("bad-zip", "this member of the zip is damaged")
    return content


def _refuse_a_huge_directory(path: str) -> None:
    """Read the end record alone (APPNOTE 4.3.16, 4.3.14 for zip64) before the directory is loaded."""
    with open(path, "rb") as stream:
        tail = _tail(stream)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) < at + 22:
            raise UnreadableRadiograph("bad-zip", "the zip is damaged or incomplete")
        entries, directory = struct.unpack_from("<HI", tail, at + 10)
        locator = tail.rfind(b"PK\x06\x07", 0, at)
        if locator >= 0:  # zipfile goes by it wherever it stands; all ones mean: look there
            stream.seek(struct.unpack_from("<Q", tail, locator + 8)[0])
            record = stream.read(56)
            if record[:4] == b"PK\x06\x06" and len(record) == 56:
                numbers = struct.unpack_from("<QQ", record, 32)
                entries, directory = max(entries % 0xFFFF, numbers[0]), max(directory % 0xFFFFFFFF, numbers[1])
    if entries > MAX_MEMBERS or directory > MAX_DIRECTORY_BYTES:
        raise UnreadableRadiograph("zip-bomb", _MANY)


def _tail(stream: BinaryIO) -> bytes:
    """The last bytes, with the end record and its comment, and a zip64 locator before it (APPNOTE 4.3.15, 4.3.16)."""
    stream.seek(max(0, stream.seek(0, 2) - 65_557 - 20))
    return stream.read()


def _opened(path: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


_lock = threading.Lock()
_last: tuple[tuple[str, int, int], zipfile.ZipFile] | None = None


def _shared(path: str) -> zipfile.ZipFile:
    """The zip read last stays open: its directory is parsed once, not once a member. ZipFile reads are
    safe from several threads; a zip that changed is opened again."""
    global _last
    status = Path(path).stat()
    key = (path, status.st_mtime_ns, status.st_size)
    with _lock:
        if _last is None or _last[0] != key:
            _last = (key, _opened(path))
        return _last[1]
