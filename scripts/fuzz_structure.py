"""Damage that keeps a file's structure, for fuzz_read.py: JPEG segments, TIFF tags, DICOM elements, PNG chunks, zip
directories.

A flipped byte seldom gets past the first check. These take a file apart by its own lengths, and change, double, drop,
reorder or invent one part; the rest still fits together.
"""

import random
import struct
import zlib
from collections.abc import Callable

_NUMBERS = (0, 1, 2, 7, 8, 255, 256, 4095, 32_767, 32_768, 65_535)
# shutters, windows, rescaling, presentation shape
_SHOWN = (
    *(0x00181600, 0x00181602, 0x00181604, 0x00181606, 0x00181608, 0x00181610, 0x00181612, 0x00181620),
    *(0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281056, 0x20500020),
)


def structural(content: bytes, chance: random.Random) -> bytes:
    """One change of structure by the format that the file begins like; the file itself where there is none."""
    try:
        if content[:2] == b"\xff\xd8":
            return _jpeg(content, chance)
        if content[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(content, chance)
        if content[128:132] == b"DICM":
            return _dicom(content, chance)
        if content[:4] == b"\x89PNG":
            return _png(content, chance)
        if content[:4] == b"PK\3\4":
            return _zip(content, chance)
    except (struct.error, ValueError):  # too damaged already to be taken apart
        pass
    return content


def _jpeg(content: bytes, chance: random.Random) -> bytes:
    parts, at = [content[:2]], 2
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != 0xD9:
        length = 2 + (content[at + 2] << 8 | content[at + 3])
        end = at + length
        if content[at + 1] == 0xDA:  # with its data
            end = next((i for i in _markers(content, at + length)), len(content) - 2)
        parts.append(content[at:end])
        at = end
    parts.append(content[at:])
    return _changed(parts, chance, _new_segment, first=1)


def _markers(content: bytes, at: int) -> list[int]:
    found = content.find(b"\xff", at)
    while 0 <= found < len(content) - 1:
        if content[found + 1] not in (0, *range(0xD0, 0xD8)):
            return [found]
        found = content.find(b"\xff", found + 1)
    return []


def _new_segment(chance: random.Random) -> bytes:
    marker = chance.choice((*range(0xC0, 0xC5), *range(0xD9, 0xDE), 0xD0, 0xE0, 0xE1, 0xEE, 0xF7, 0xFE))
    if marker in (0xD0, 0xD9):
        return bytes((0xFF, marker))
    body = chance.choice(
        (
            chance.randbytes(chance.choice((0, 1, 6, 14, 65))),
            bytes((12,)) + chance.randbytes(4) + b"\1\1\x11\0",
            b"\1\1\0\0\x3f" + bytes((chance.randrange(256),)),
            b"Adobe\0\x64\0\0\0\0" + bytes((chance.randrange(4),)),
            struct.pack(">H", chance.choice(_NUMBERS)),
            bytes((chance.choice((0, 1, 16, 17)), *(chance.choice((0, 0, 1, 3)) for _ in range(16)), *range(12))),
        )
    )
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _tiff(content: bytes, chance: random.Random) -> bytes:
    order = "<" if content[:2] == b"II" else ">"
    data = bytearray(content)
    (at,) = struct.unpack_from(order + "I", data, 4)
    if at + 2 > len(data):
        return content
    (count,) = struct.unpack_from(order + "H", data, at)
    entries = [bytes(data[at + 2 + 12 * i : at + 14 + 12 * i]) for i in range(min(count, 64))]
    entries = [entry for entry in entries if len(entry) == 12]
    tags = (
        254,
        255,
        256,
        257,
        258,
        259,
        262,
        266,
        273,
        274,
        277,
        278,
        279,
        284,
        317,
        320,
        322,
        323,
        324,
        325,
        330,
        338,
    )
    for _ in range(chance.choice((1, 1, 2))):
        tag = chance.choice((*tags, 339, 347, 530, 34_665, chance.randrange(65_536)))
        value = chance.choice((*_NUMBERS, 5, 6, 7, 32_773, 32_946, 34_712, at, len(data), 0xFFFFFFFF))
        kind, values = chance.choice((1, 3, 4, 4, 7, 12, 16)), chance.choice((0, 1, 1, 1, 3, 1000, 0xFFFFFFFF))
        new = struct.pack(order + "HHII", tag, kind, values, value)
        known = [i for i, entry in enumerate(entries) if struct.unpack_from(order + "H", entry)[0] == tag]
        if known and chance.random() < 0.7:
            entries[known[0]] = new if chance.random() < 0.5 else entries[known[0]][:8] + new[8:]
        elif entries and chance.random() < 0.3:
            del entries[chance.randrange(len(entries))]
        else:
            entries.insert(chance.randrange(len(entries) + 1), new)
    following = chance.choice((0, 0, 0, at, len(data), 8, 0xFFFFFFF0))
    place = len(data)
    data += struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "I", following)
    data[4:8] = struct.pack(order + "I", place)
    return bytes(data)


def _dicom(content: bytes, chance: random.Random) -> bytes:
    """Insert elements in front of the pixels that say how they are to be read or shown."""
    at = content.rfind(b"\xe0\x7f\x10\x00")
    if at < 0:
        return content
    texts = (b"RECTANGULAR", b"CIRCULAR\\POLYGONAL", b"1\\2\\3\\4\\5\\6", b"\\", b"NaN\\1000", b"-1\\1500", b"1e309")
    texts = (*texts, b"0", b"30", b"4095")
    extra = b""
    for _ in range(chance.choice((1, 2, 4, 6))):
        if chance.random() < 0.5:
            tag = chance.choice(_SHOWN)
            value = chance.choice(texts)
            vr = b"CS" if tag in (0x00181600, 0x00281056, 0x20500020) else chance.choice((b"DS", b"IS"))
        else:
            tag = chance.choice((0x60000010, 0x60000011, 0x60000050, 0x60000102, 0x00280120, 0x00280121, 0x00280100))
            tag = chance.choice((tag, tag, 0x00280101, 0x00280102, 0x00280103, 0x601E0010))
            value = b"".join(struct.pack("<H", chance.choice(_NUMBERS)) for _ in range(chance.choice((1, 1, 2))))
            vr = chance.choice((b"US", b"SS"))
        value += b" " * (len(value) % 2)
        extra += struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr + struct.pack("<H", len(value)) + value
    if chance.random() < 0.3:
        plane = chance.randbytes(chance.choice((2, 170, 2000)))
        extra += struct.pack("<HH", 0x6000, 0x3000) + b"OW\0\0" + struct.pack("<I", len(plane)) + plane
    if chance.random() < 0.2:
        place = content.find(b"1.2.840.10008.1.2")
        content = content[:place] + b"1.2.840.113619.5.2" + content[place + 18 :] if place > 0 else content
    return content[:at] + extra + content[at:]


def _png(content: bytes, chance: random.Random) -> bytes:
    parts, at = [content[:8]], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        parts.append(content[at : at + 12 + length])
        at += 12 + length
    return _changed(parts, chance, _new_chunk, first=1)


def _new_chunk(chance: random.Random) -> bytes:
    kind = chance.choice((b"IDAT", b"PLTE", b"tRNS", b"acTL", b"eXIf", b"IEND", b"zzZz"))
    body = chance.randbytes(chance.choice((0, 1, 8, 26, 300)))
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# field's place and width: method, flags, checksum, sizes, lengths, offset
_CENTRAL = ((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (38, 4), (42, 4))
_LOCAL = ((6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))
_NAMES = (b"../../0", b"/DICOM/0", b"C:\\0\0.exe", b"./DICOM//0", b"", b"DICOM/", b"DICOM/1", b"\xff\xfe", b"a" * 5000)


def _zip(content: bytes, chance: random.Random) -> bytes:
    """The directory at its end, entry by entry; or one member's own header, which then contradicts it."""
    end = content.rfind(b"PK\5\6")
    (start,) = struct.unpack_from("<I", content, end + 16) if end > 0 else (0,)
    entries, at = [], start
    while content[at : at + 4] == b"PK\1\2":
        following = at + 46 + sum(struct.unpack_from("<HHH", content, at + 28))
        entries.append(bytearray(content[at:following]))
        at = following
    if not entries:
        return content
    members, entry = bytearray(content[:start]), chance.choice(entries)
    (own,) = struct.unpack_from("<I", entry, 42)
    values = (*_NUMBERS, 9, 12, 14, 99, len(content), start, own, 0xFFFFFFFF)
    kind = chance.randrange(5)
    if kind < 2:
        target, (place, width) = (entry, chance.choice(_CENTRAL)) if kind else (members, chance.choice(_LOCAL))
        place += 0 if kind else own
        target[place : place + width] = (chance.choice(values) & (1 << 8 * width) - 1).to_bytes(width, "little")
    elif kind == 2:
        name = chance.choice(_NAMES)
        entry[46 : 46 + struct.unpack_from("<H", entry, 28)[0]] = name
        struct.pack_into("<H", entry, 28, len(name))
    elif kind == 3:  # ZIP64, with sizes and a place of its own
        extra = struct.pack("<HHQQQ", 1, 24, *(chance.choice((*values, 1 << 40, (1 << 64) - 1)) for _ in range(3)))
        entry += extra
        struct.pack_into("<H", entry, 30, struct.unpack_from("<H", entry, 30)[0] + len(extra))
        for place in chance.sample((20, 24, 42), chance.choice((1, 2, 3))):
            struct.pack_into("<I", entry, place, 0xFFFFFFFF)
    parts = [bytes(one) for one in entries]
    directory = b"".join(parts) if kind < 4 else _changed(parts, chance, lambda c: c.randbytes(46), first=0)
    count = chance.choice((len(parts), len(parts), *_NUMBERS))
    told = struct.pack("<HHIIH", count, count, len(directory), len(members) + chance.choice((0, 0, 0, 1, 50)), 0)
    return bytes(members) + directory + b"PK\5\6\0\0\0\0" + told


def _changed(parts: list[bytes], chance: random.Random, new: Callable[[random.Random], bytes], first: int) -> bytes:
    """Drop, double, swap, shorten or add a part; `first`: the first that may be changed."""
    number = chance.randrange(first, len(parts))
    kind = chance.randrange(5)
    if kind == 0:
        del parts[number]
    elif kind == 1:
        parts.insert(number, parts[chance.randrange(first, len(parts))])
    elif kind == 2:
        other = chance.randrange(first, len(parts))
        parts[number], parts[other] = parts[other], parts[number]
    elif kind == 3:
        parts[number] = parts[number][: chance.randrange(len(parts[number]) + 1)]
    else:
        parts.insert(number, new(chance))
    return b"".join(parts)
