"""The size of a picture by its first bytes, so that a viewer's logo is no failed film, whatever its format or state."""

import struct

from .film import Limits, require_side


def require_size(head: bytes, name: str, limits: Limits) -> None:
    """Raise NotARadiograph `too-small` where the header of an icon or logo says that it is one.

    name: as `sniff` or `foreign` say it. Formats whose reader looks at the size first are left to it.
    """
    if (size := _size(head, name)) and all(size):
        require_side(*size, limits)


def _size(head: bytes, name: str) -> tuple[int, int] | None:
    """Rows and columns."""
    try:
        if name == "PNG":
            columns, rows = struct.unpack_from(">II", head, 16)
            return rows, columns
        if name == "BMP":
            core = head[14:18] == b"\x0c\0\0\0"  # the header of OS/2
            columns, rows = struct.unpack_from("<HH" if core else "<ii", head, 18)
            return abs(rows), abs(columns)
        if name == "WebP" and head[12:16] == b"VP8X":
            return int.from_bytes(head[27:30], "little") + 1, int.from_bytes(head[24:27], "little") + 1
        if name == "GIF":
            columns, rows = struct.unpack_from("<HH", head, 6)
            return rows, columns
        if name == "Photoshop":
            return struct.unpack_from(">II", head, 14)
        if name == "JPEG XL":
            return _jpeg_xl_size(head)
        if name in ("HEIC", "AVIF"):  # the largest of its pictures (ispe, ISO 23008-12 6.5.3)
            sizes: list[tuple[int, int]] = []
            at = head.find(b"ispe")
            while at >= 0:
                columns, rows = struct.unpack_from(">II", head, at + 8)
                sizes.append((rows, columns))
                at = head.find(b"ispe", at + 4)
            return max(sizes, default=None)
    except struct.error:
        pass
    return None


def _jpeg_xl_size(head: bytes) -> tuple[int, int] | None:
    """SizeHeader (ISO 18181-1 D.2), of a bare codestream or of one in boxes."""
    at = 0 if head.startswith(b"\xff\x0a") else head.find(b"\xff\x0a", 12)
    if at < 0:
        return None
    bits, used = int.from_bytes(head[at + 2 : at + 18], "little"), 0

    def take(count: int) -> int:
        nonlocal used
        value = bits >> used & ((1 << count) - 1)
        used += count
        return value

    small = take(1)

    def length() -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    rows = length()
    ratio = take(3)
    if not ratio:
        return rows, length()
    above, below = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return rows, rows * above // below
