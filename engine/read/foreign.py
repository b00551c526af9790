"""Formats that may hold films and that xscan does not read: named, so that no film in them is lost in silence.

What they hold is looked at only as far as is needed to tell films from a log or a viewer's icon.
"""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import NoReturn

from ..errors import NotARadiograph, UnreadableRadiograph
from .film import Limits
from .size import require_size
from .sniff import sniff

_PEEK = 4096  #: bytes unpacked of a packed file

_BEGINNINGS = {
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"II\xbc\x01": "JPEG XR",
    b"8BPS\0\x01": "Photoshop",
    b"8BPS\0\x02": "Photoshop",
    b"NRRD000": "NRRD",
    b"n+1\0": "NIfTI",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"MSCF\0\0\0\0": "cab",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_BRANDS = {  # ISO base media files, by any brand of their first box (ISO 14496-12 4.3, 23008-12 annex B)
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
}
_PACKED: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": ("gzip", lambda head: zlib.decompressobj(31).decompress(head, _PEEK)),
    b"BZh": ("bzip2", lambda head: bz2.BZ2Decompressor().decompress(head, _PEEK)),
    b"\xfd7zXZ\0": ("xz", lambda head: lzma.LZMADecompressor(lzma.FORMAT_XZ, 64 << 20).decompress(head, _PEEK)),
}
#: First members of zips that are documents or programs: Office, OpenDocument and EPUB, Java, Android.
_DOCUMENTS = (b"[Content_Types].xml", b"mimetype", b"META-INF/", b"_rels/", b"docProps/", b"AndroidManifest.xml")


def refuse_foreign(head: bytes, limits: Limits) -> NoReturn:
    """Say what a file is that xscan does not read, by its first bytes (64 KB are enough).

    Raise UnreadableRadiograph `unsupported` with the format's name; NotARadiograph `too-small` for an icon, or
    `not-an-image` for what cannot hold a film.
    """
    name = foreign(head)
    if name:
        require_size(head, name, limits)
        raise UnreadableRadiograph("unsupported", f"{name} is a format that xscan does not read: convert or unpack it")
    raise NotARadiograph("not-an-image", "no format that xscan reads")


def refuse_zip(head: bytes, nested: bool) -> NoReturn:
    """A zip whose name does not end as one, or nested in another. Raise NotARadiograph for a document or program; else
    `nested-zip`, or `unsupported` where its first member could be a film."""
    document = head[30:].startswith(_DOCUMENTS)
    if nested and not document:
        raise UnreadableRadiograph("nested-zip", "a zip inside a zip is not opened")
    if not document and head[:4] == b"PK\x03\x04" and len(head) > 30:
        method, packed, name_length, extra = (
            *struct.unpack_from("<H", head, 8),
            *struct.unpack_from("<I", head, 18),
            *struct.unpack_from("<HH", head, 26),
        )
        start = 30 + name_length + extra
        member = head[start : start + packed] if packed else head[start:]
        if method == 8:
            member = _unpacked(lambda data: zlib.decompressobj(-15).decompress(data, _PEEK), member)
        folder = head[30 : 30 + name_length].endswith(b"/")
        if folder or sniff(member) or foreign(member):
            raise UnreadableRadiograph("unsupported", "a zip under another name: let it end in .zip")
    raise NotARadiograph("not-an-image", "an archive or office document; a zip export must end in .zip")


def foreign(head: bytes) -> str:
    """The name of a format that may hold films and that xscan does not read; empty for all else."""
    for beginning, name in _BEGINNINGS.items():
        if head.startswith(beginning):
            return name
    if head[4:8] == b"ftyp":
        (length,) = struct.unpack_from(">I", head)
        brands = [head[at : at + 4] for at in range(8, min(length, len(head), 256), 4) if at != 12]
        named = {_BRANDS[brand] for brand in brands if brand in _BRANDS}
        return "AVIF" if "AVIF" in named else "HEIC" if named else ""  # mif1 stands in both
    if head[257:262] == b"ustar" or _is_old_tar(head):
        return "tar"
    if head[344:348] in (b"n+1\0", b"ni1\0"):
        return "NIfTI"
    if head[32769:32774] == b"CD001":
        return "ISO 9660 (a disc's image)"
    for beginning, (name, unpack) in _PACKED.items():
        if head.startswith(beginning):
            inside = _unpacked(unpack, head)
            return name if sniff(inside) or foreign(inside) else ""
    return ""


def _unpacked(unpack: Callable[[bytes], bytes], head: bytes) -> bytes:
    try:
        return unpack(head)
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        return b""


def _is_old_tar(head: bytes) -> bool:
    """A header block of before `ustar`: its checksum fits (POSIX.1-1988)."""
    block = head[:512]
    digits = block[148:156].strip(b" \0")
    if len(block) < 512 or not block[0] or not digits or any(digit not in b"01234567" for digit in digits):
        return False
    return int(digits, 8) == sum(block) - sum(block[148:156]) + 8 * 32
