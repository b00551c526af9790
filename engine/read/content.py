"""The bytes of a file or of a zip's member, within the limits."""

import os
from typing import TYPE_CHECKING

from ..errors import UnreadableRadiograph
from ..find import zips
from .film import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from ..find.found import Found


def read_content(found: "Found", limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The bytes of what `discover` found. Raise NotARadiograph or UnreadableRadiograph."""
    if found.problem is not None:
        raise found.problem
    if found.member is not None:
        return zips.read_member(found.path, found.member, limits.max_bytes)
    return file_content(found.path, limits.max_bytes)


def file_content(path: str, max_bytes: int) -> bytes:
    """The bytes of a file. Raise UnreadableRadiograph."""
    try:
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > max_bytes:
                raise UnreadableRadiograph("too-large", f"over the limit of {max_bytes // 2**20} MB")
            return stream.read(size)
    except FileNotFoundError:
        raise UnreadableRadiograph("vanished", "gone between listing and reading") from None
    except OSError:
        raise UnreadableRadiograph("unreadable", "the file may not be read") from None
