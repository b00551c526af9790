"""The bytes of a file or of a zip's member, within the limits."""

import os
from typing import TYPE_CHECKING

from ..errors import UnreadableRadiograph
from ..find import zips
from .film import DEFAULT_LIMITS, Limits
from .foreign import refuse_foreign
from .sniff import HEAD, sniff

if TYPE_CHECKING:
    from ..find.found import Found

LARGE = 32 * 2**20  #: bytes; nearly no film has more, so that its header is not walked twice


def read_content(found: "Found", limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of what `discover` found. Raise NotARadiograph or UnreadableRadiograph."""
    if found.problem is not None:
        raise found.problem
    if found.member is not None:
        if found.bytes > HEAD:
            refuse_by_head(zips.read_head(found.path, found.member, HEAD), found.bytes, limits)
        return zips.read_member(found.path, found.member, limits.max_bytes)
    return file_content(found.path, limits)


def file_content(path: str, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a file. Raise UnreadableRadiograph, or NotARadiograph for one whose first bytes say that it is none
    and that is not read whole."""
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > HEAD:
                refuse_by_head(stream.read(HEAD), size, limits)
                stream.seek(0)
            if size > limits.max_bytes:
                raise UnreadableRadiograph("too-large", f"over the limit of {limits.max_bytes // 2**20} MB")
            return stream.read(size)
    except FileNotFoundError:
        raise UnreadableRadiograph("vanished", "gone between listing and reading") from None
    except OSError:
        raise UnreadableRadiograph("unreadable", "the file may not be read") from None


def refuse_by_head(head: bytes, size: int, limits: Limits) -> None:
    """Raise what the first bytes of a large file tell: a video, an archive, an object that is no radiograph."""
    kind = sniff(head)
    if head and not kind:
        refuse_foreign(head, limits)
    if kind == "DICOM" and size > min(LARGE, limits.max_bytes):
        from .dicom.read import refuse_by_header

        refuse_by_header(head, limits)
