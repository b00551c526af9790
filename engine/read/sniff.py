"""Which format a file is in, by its first bytes; suffixes are not trusted."""

from typing import Literal

HEAD = 1 << 16  #: bytes that tell: 132 of a film, more of what is none


def sniff(head: bytes) -> str:
    """Name the format: DICOM, JPEG, PNG, TIFF, BMP, WebP, JPEG 2000, zip, or empty text for none of them."""
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[128:132] == b"DICM":
        return "DICOM"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:12] == b"\0\0\0\x0cjP  \r\n\x87\n" or head[:4] == b"\xff\x4f\xff\x51":
        return "JPEG 2000"
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if _is_bare_dicom(head):
        return "DICOM"
    return ""


def _is_bare_dicom(head: bytes) -> bool:
    """A data set without preamble begins with a tag of group 2 or 8, small element, and a sane length, behind which
    another element can stand (PS3.10 7.1 asks for the preamble; older exports leave it out)."""
    if len(head) < 12:
        return False
    for order in ("little", "big"):
        group, element = _tag(head, 0, order)
        if group not in (0x0002, 0x0008) or element > 0x0100:
            continue
        if head[4:6].isalpha() and head[4:6].isupper():
            return True
        length = int.from_bytes(head[4:8], order)
        if length > 256 or length % 2 or (element == 0 and length != 4):  # a group's length is four bytes
            continue
        if len(head) < 16 + length or (group, element) < _tag(head, 8 + length, order) < (0x7FE1, 0):
            return True
    return False


def _tag(head: bytes, at: int, order: Literal["little", "big"]) -> tuple[int, int]:
    return int.from_bytes(head[at : at + 2], order), int.from_bytes(head[at + 2 : at + 4], order)
