"""Whether a run-length encoded BMP is whole: OpenCV leaves rows that a damaged one lacks black, and says nothing.

[MS-WMF] 2.1.1.7, Compression: a pair of bytes is a run; a zero and then 0 ends a row, 1 the picture, 2 leaves pixels
out, and 3 and more are so many pixels as they are, padded to two bytes.
"""

from ..errors import UnreadableRadiograph

_DAMAGED = "the BMP data is damaged"
_END_OF_ROW, _END, _LEFT_OUT = range(3)


def require_whole_rle(data: bytes, at: int, rows: int, columns: int, bits: int) -> None:
    """at: where the pixels begin. bits: a pixel, 4 or 8. Raise UnreadableRadiograph where a row is not full."""
    row = column = 0
    size = len(data)
    while at + 2 <= size:
        count, value = data[at], data[at + 1]
        at += 2
        if count:
            column += count
        elif value > _LEFT_OUT:
            column += value
            at += ((value * bits + 7) // 8 + 1) // 2 * 2
        elif value == _LEFT_OUT:
            raise UnreadableRadiograph("unsupported", "a BMP that leaves out parts of its picture")
        else:
            if column != columns and (value != _END or column):
                raise UnreadableRadiograph("corrupt", _DAMAGED)
            row += column > 0
            column = 0
            if value == _END:
                if row != rows:
                    raise UnreadableRadiograph("truncated", "the BMP's picture is not complete before its end")
                return
        if column > columns:
            raise UnreadableRadiograph("corrupt", _DAMAGED)
    raise UnreadableRadiograph("truncated", f"the BMP is not complete after {(size + 1023) // 1024} KB")
