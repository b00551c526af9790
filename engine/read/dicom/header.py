"""Where each element of a DICOM file lies, found without decoding any value (PS3.5 section 7).

xscan needs a score of elements and the pixels' place. Walking the tags ourselves costs a tenth of a
full parse, never warns or raises with a header's text in it, and stays bounded on a hostile file.
The tests compare it with pydicom on every file at hand.
"""

import struct
import zlib
from dataclasses import dataclass, field

from ...errors import UnreadableRadiograph
from .charset import decode, readings

PIXEL_DATA = 0x7FE00010
_PIXELS = (0x7FE00008, 0x7FE00009, PIXEL_DATA)  # float, double float, integer (PS3.3 C.7.6.3, C.7.6.24)
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_SHORT = {
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"),
    *(b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
}
_CHARACTER_SETS = 0x00080005
_LONGEST_TEXT = 4096  #: bytes
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

MAX_ELEMENTS = 100_000
MAX_DEPTH = 32

DEFLATED = {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.8.1"}
BIG_ENDIAN = "1.2.840.10008.1.2.2"

TRUNCATED = "the file ends inside its header"
_MANY = "the header has far too many elements"


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
    around: "Header | None" = None  #: of a sequence's item: the data set that it stands in

    def __contains__(self, tag: int) -> bool:
        return tag in self.elements

    def value(self, tag: int) -> bytes:
        element = self.elements.get(tag)
        if element is None or element.length <= 0:
            return b""
        return self.content[element.start : element.start + element.length]

    def texts(self, tag: int) -> list[str]:
        """The values of a text element, in the character set that the file declares, stripped of padding."""
        raw = self.value(tag)[:_LONGEST_TEXT]
        if not raw:
            return [""]
        return [value.strip(" \0\t\r\n") for value in decode(raw, self.character_sets).split("\\")]

    def readings(self, tag: int) -> list[str]:
        """What a text element may say: as the file declares it, then in other character sets, for files that declare
        none or a wrong one."""
        raw = self.value(tag)[:_LONGEST_TEXT]
        return readings(raw, self.character_sets) if raw else []

    @property
    def character_sets(self) -> bytes:
        """SpecificCharacterSet (PS3.3 C.12.1.1.2) as it stands; an item without one has that around it."""
        if _CHARACTER_SETS in self.elements or self.around is None:
            return self.value(_CHARACTER_SETS)
        return self.around.character_sets

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
            item = Header(self.content, order, around=self)
            limit = end if length == _UNDEFINED else min(end, at + 8 + length)
            walk = _Walk(self.content, order, _is_implicit(self.content, at + 8, element.implicit))
            try:
                at = walk.run(at + 8, limit, item.elements, depth=1, inside_item=length == _UNDEFINED)
            except UnreadableRadiograph:  # what it says up to there counts; the walk around it went by its length
                at = end
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
                raise UnreadableRadiograph("bad-header", _MANY)
            vr = b"" if implicit else content[at + 4 : at + 6]
            if vr in _SHORT:
                (length,) = self.short(content, at + 6)
                start = at + 8
            elif vr in _LONG:
                if at + 12 > end:
                    break
                (length,) = self.long(content, at + 8)
                start = at + 12
            elif implicit or at + 12 > end:
                (length,) = self.long(content, at + 4)
                start = at + 8
            else:
                vr, start, length = self._of_unknown_vr(tag, at, end)
            if tag in _PIXELS and depth == 0:
                length = -1 if length == _UNDEFINED else length
                if found is not None:
                    found[tag] = Element(vr, start, length, implicit)
                return at
            if length == _UNDEFINED:
                # PS3.5 6.2.2: UN of undefined length holds implicit VR little endian; or so it should.
                nested = implicit or vr != b"SQ"
                try:
                    after = self._sequence_end(start, end, nested, depth + 1)
                except UnreadableRadiograph as problem:
                    after = self._after_delimiter(tag, start, end) if depth == 0 and problem.detail != _MANY else 0
                    if not after:
                        raise
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
                raise UnreadableRadiograph("bad-header", _MANY)
            if length == _UNDEFINED:
                inner = _Walk(self.content, self.order, _is_implicit(self.content, at, implicit))
                inner.count = self.count
                at = inner.run(at, end, None, depth=depth, inside_item=True)
                self.count = inner.count
            else:
                at += length
        raise UnreadableRadiograph("truncated", TRUNCATED)

    def _of_unknown_vr(self, tag: int, at: int, end: int) -> tuple[bytes, int, int]:
        """VR, start of the value and its length, of an element whose two letters are no VR that we know.

        PS3.5 6.2 gives every later VR a length of 32 bits, and DCMTK reads it so; pydicom takes 16 bits; and some
        files slip into implicit VR. That after which another element can stand is right; if none is, the first.
        """
        content = self.content
        (short,), (long,) = self.short(content, at + 6), self.long(content, at + 8)
        implicit = b"", at + 8, self.long(content, at + 4)[0]
        ways = [(b"UN", at + 8, short)]
        if not short:
            ways.insert(0, (b"UN", at + 12, long))
        # Letters or marks are meant as a VR; other bytes are rather a length.
        ways.insert(len(ways) if all(0x20 <= byte < 0x7F for byte in content[at + 4 : at + 6]) else 0, implicit)
        for vr, start, length in ways:
            if length == _UNDEFINED:
                if content[start : start + 4] == struct.pack(self.order + "HH", 0xFFFE, 0xE000):
                    return vr, start, length
            elif self._may_follow(tag, start + length, end):
                return vr, start, length
        return implicit

    def _may_follow(self, tag: int, at: int, end: int) -> bool:
        """Whether the element behind `tag` may begin at `at`: tags ascend (PS3.5 7.1)."""
        if at + 8 > end:
            return at == end
        high, low = self.tag(self.content, at)
        return tag < (high << 16 | low) <= PIXEL_DATA or (high << 16 | low) == _ITEM_END

    def _after_delimiter(self, tag: int, start: int, end: int) -> int:
        """The place behind the next Sequence Delimitation Item that an element may follow, 0 where there is none: for
        sequences whose items are in no coding that we know."""
        mark = struct.pack(self.order + "HHI", 0xFFFE, 0xE0DD, 0)
        at = self.content.find(mark, start, end)
        while at >= 0 and not self._may_follow(tag, at + 8, end):
            at = self.content.find(mark, at + 8, end)
        return at + 8 if at >= 0 else 0


def _is_implicit(content: bytes, at: int, implicit: bool) -> bool:
    """Whether an item's elements are implicit VR: by its first element, and not by the rule alone. Devices write
    explicit VR into UN, and implicit VR into sequences of explicit files. implicit: what the rule says."""
    vr, more = content[at + 4 : at + 6], content[at + 6 : at + 8]
    if vr not in _LONG | _SHORT:
        # Letters that are a VR of later days; an empty item's delimiter.
        return implicit or not ((vr.isalpha() and vr.isupper()) or content[at : at + 2] == b"\xfe\xff")
    if not implicit:
        return False
    if vr in _LONG:
        return more != b"\0\0"
    if more != b"\0\0":  # else a length of over 65,535 bytes
        return False
    # An empty element in explicit VR has the next one right behind it.
    here, following = (struct.unpack_from("<HH", content, place) for place in (at, min(at + 8, len(content) - 4)))
    return not ((here < following <= (0xFFFE, 0xE00D) and following[0] - here[0] < 0x100) or following[0] == 0xFFFE)
