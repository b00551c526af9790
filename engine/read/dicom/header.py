"""Where each element of a DICOM file lies, found without decoding any value (PS3.5 section 7).

xscan needs a score of elements and the pixels' place. Walking the tags ourselves costs a tenth of a
full parse, never warns or raises with a header's text in it, and stays bounded on a hostile file.
The tests compare it with pydicom on every file at hand.
"""

import struct
import zlib
from dataclasses import dataclass, field

from ...errors import UnreadableRadiograph

PIXEL_DATA = 0x7FE00010
_PIXELS = (0x7FE00008, 0x7FE00009, PIXEL_DATA)  # float, double float, integer (PS3.3 C.7.6.3, C.7.6.24)
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_SHORT = {
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"),
    *(b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
}
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

MAX_ELEMENTS = 100_000
MAX_DEPTH = 32

DEFLATED = {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.8.1"}
BIG_ENDIAN = "1.2.840.10008.1.2.2"

TRUNCATED = "the file ends inside its header"


@dataclass(slots=True)
class Element:
    vr: bytes  #: two letters; b"" in implicit VR
    start: int  #: of the value
    length: int  #: bytes of the value, without delimiters; -1: undefined (encapsulated pixels)
    implicit: bool  #: of a sequence: whether its items are implicit VR


@dataclass(slots=True)
class Header:
    """A data set's elements. Values are decoded when asked for; what is absent or malformed is None or ''."""

    content: bytes
    order: str  #: "<" little endian, ">" big endian
    elements: dict[int, Element] = field(default_factory=dict)
    transfer_syntax: str = ""
    problem: UnreadableRadiograph | None = None  #: why the walk ended before the pixels

    def __contains__(self, tag: int) -> bool:
        return tag in self.elements

    def value(self, tag: int) -> bytes:
        element = self.elements.get(tag)
        if element is None or element.length <= 0:
            return b""
        return self.content[element.start : element.start + element.length]

    def texts(self, tag: int) -> list[str]:
        """The values of a text element, stripped of padding."""
        raw = self.value(tag)[:4096]
        if not raw:
            return [""]
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        return [value.strip(" \0\t\r\n") for value in text.split("\\")]

    def text(self, tag: int) -> str:
        return self.texts(tag)[0]

    def number(self, tag: int) -> int | None:
        """The first value of a binary integer element: US, SS, UL or SL."""
        raw = self.value(tag)
        vr = self.elements[tag].vr if tag in self.elements else b""
        if len(raw) >= 4 and vr in (b"UL", b"SL"):
            return struct.unpack_from(self.order + ("i" if vr == b"SL" else "I"), raw)[0]
        if len(raw) >= 2:
            return struct.unpack_from(self.order + ("h" if vr == b"SS" else "H"), raw)[0]
        return None

    def decimals(self, tag: int) -> list[float]:
        """The values of a DS or IS element; empty if any of them is no finite number."""
        numbers = []
        for text in self.texts(tag):
            try:
                number = float(text.replace(",", "."))
            except ValueError:
                return []
            if not -1e300 < number < 1e300:
                return []
            numbers.append(number)
        return numbers

    def items(self, tag: int, most: int = 16) -> "list[Header]":
        """The first items of a sequence, as headers of their own."""
        element = self.elements.get(tag)
        if element is None or (element.vr not in (b"SQ", b"UN", b"")):
            return []
        found: list[Header] = []
        at, end = element.start, element.start + element.length
        order = "<" if element.vr == b"UN" else self.order
        while at + 8 <= end and len(found) < most:
            group, number, length = struct.unpack_from(order + "HHI", self.content, at)
            if group << 16 | number != _ITEM:
                break
            item = Header(self.content, order)
            limit = end if length == _UNDEFINED else min(end, at + 8 + length)
            walk = _Walk(self.content, order, element.implicit)
            at = walk.run(at + 8, limit, item.elements, depth=1, inside_item=length == _UNDEFINED)
            found.append(item)
        return found


def parse(content: bytes, max_bytes: int) -> Header:
    """Walk a DICOM file (PS3.10 with or without preamble, or a bare data set) up to its pixels.

    Raise UnreadableRadiograph: `bad-header`, or `too-large` if a deflated one grows past `max_bytes`.
    """
    at = 132 if content[128:132] == b"DICM" else 0
    meta = Header(content, "<")
    if content[at : at + 2] == b"\x02\x00":  # file meta information: always explicit VR little endian
        at = _Walk(content, "<", implicit=False).run(at, len(content), meta.elements, group=0x0002)
    transfer_syntax = meta.text(0x00020010)
    if transfer_syntax in DEFLATED and at < len(content) and not _plausible(content, at, "<"):
        content, at = _inflated(content, at, max_bytes), 0
    order = ">" if transfer_syntax == BIG_ENDIAN else "<"
    if not _plausible(content, at, order):  # a transfer syntax that lies, or none
        other = "<" if order == ">" else ">"
        order = other if _plausible(content, at, other) else order
    header = Header(content, order, meta.elements, transfer_syntax)
    implicit = content[at + 4 : at + 6] not in _LONG | _SHORT
    try:
        _Walk(content, order, implicit).run(at, len(content), header.elements)
    except UnreadableRadiograph as problem:  # what came before it may still say: not a radiograph
        header.problem = problem
    return header


def _plausible(content: bytes, at: int, order: str) -> bool:
    """Whether a data set of this byte order may begin here: its first groups are small and even."""
    if at + 8 > len(content):
        return True
    group, _ = struct.unpack_from(order + "HH", content, at)
    return group <= 0x0100 or (group & 0xFF and group <= 0x2050)


def _inflated(content: bytes, at: int, max_bytes: int) -> bytes:
    """PS3.5 A.5: everything after the meta information is one raw deflate stream."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = stream.decompress(content[at:], max_bytes)
    except zlib.error:
        raise UnreadableRadiograph("corrupt", "the deflated data is damaged") from None
    if stream.unconsumed_tail:
        raise UnreadableRadiograph("too-large", f"inflates over the limit of {max_bytes // 2**20} MB")
    if not stream.eof:
        raise UnreadableRadiograph("truncated", "the deflated data ends too early")
    return inflated


class _Walk:
    """One pass over a stretch of elements, nested sequences of undefined length included."""

    def __init__(self, content: bytes, order: str, implicit: bool) -> None:
        self.content = content
        self.implicit = implicit
        self.order = order
        self.tag = struct.Struct(order + "HH").unpack_from
        self.short = struct.Struct(order + "H").unpack_from
        self.long = struct.Struct(order + "I").unpack_from
        self.count = 0

    def run(
        self,
        at: int,
        end: int,
        found: dict[int, Element] | None,
        group: int | None = None,
        depth: int = 0,
        inside_item: bool = False,
    ) -> int:
        """Collect elements from `at` to `end` into `found`; return where it stopped: at the pixels, at the
        first element of another `group`, or behind the item's delimiter."""
        content, implicit = self.content, self.implicit
        while at + 8 <= end:
            high, low = self.tag(content, at)
            tag = high << 16 | low
            if group is not None and high != group:
                return at
            if tag == _ITEM_END and inside_item:
                return at + 8
            self.count += 1
            if self.count > MAX_ELEMENTS:
                raise UnreadableRadiograph("bad-header", f"the header has over {MAX_ELEMENTS} elements")
            vr = b"" if implicit else content[at + 4 : at + 6]
            if vr in _SHORT:
                (length,) = self.short(content, at + 6)
                start = at + 8
            elif vr in _LONG:
                if at + 12 > end:
                    break
                (length,) = self.long(content, at + 8)
                start = at + 12
            else:  # implicit VR, or an explicit one that slipped into it
                vr = b""
                (length,) = self.long(content, at + 4)
                start = at + 8
            if tag in _PIXELS and depth == 0:
                length = -1 if length == _UNDEFINED else length
                if found is not None:
                    found[tag] = Element(vr, start, length, implicit)
                return at
            if length == _UNDEFINED:
                # PS3.5 6.2.2: UN of undefined length holds implicit VR little endian.
                nested = implicit or vr != b"SQ"
                after = self._sequence_end(start, end, nested, depth + 1)
                length = after - 8 - start
            else:
                nested = implicit or vr == b"UN"
                after = start + length
            if after > end:
                raise UnreadableRadiograph("truncated", TRUNCATED)
            if found is not None:
                found[tag] = Element(vr, start, length, nested)
            at = after
        if inside_item or (depth == 0 and at < end):
            raise UnreadableRadiograph("truncated", TRUNCATED)
        return at

    def _sequence_end(self, at: int, end: int, implicit: bool, depth: int) -> int:
        """Where the sequence of undefined length that begins at `at` ends, its delimiter included."""
        if depth > MAX_DEPTH:
            raise UnreadableRadiograph("bad-header", f"sequences nested over {MAX_DEPTH} deep")
        inner = _Walk(self.content, self.order, implicit)
        while at + 8 <= end:
            high, low = self.tag(self.content, at)
            (length,) = self.long(self.content, at + 4)
            tag = high << 16 | low
            at += 8
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                raise UnreadableRadiograph("bad-header", "a sequence without items")
            self.count += 1
            if self.count > MAX_ELEMENTS:
                raise UnreadableRadiograph("bad-header", f"the header has over {MAX_ELEMENTS} elements")
            if length == _UNDEFINED:
                inner.count = self.count
                at = inner.run(at, end, None, depth=depth, inside_item=True)
                self.count = inner.count
            else:
                at += length
        raise UnreadableRadiograph("truncated", TRUNCATED)
