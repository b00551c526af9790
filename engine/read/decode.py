"""Read one file of an export into a grey picture, or say why not.

`read_film` gives a `Film` or raises `NotARadiograph` / `UnreadableRadiograph`, nothing else
(but MemoryError, which is the machine's, not the file's).
"""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileProblem, UnreadableRadiograph
from .content import file_content, read_content
from .film import DEFAULT_LIMITS, Film, Limits
from .foreign import refuse_foreign, refuse_zip
from .size import require_size
from .sniff import HEAD, sniff

if TYPE_CHECKING:
    from ..find.found import Found

_NO_MEMORY = -4  #: OpenCV's Error::StsNoMem


def read_film(found: "Found", limits: Limits = DEFAULT_LIMITS) -> Film:
    """Read what `discover` found. Raise NotARadiograph or UnreadableRadiograph."""
    return read_bytes(read_content(found, limits), limits, nested=found.member is not None)


def read_path(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Film:
    """Read one file by its path (as `read_film`, for training and tools)."""
    return read_bytes(file_content(os.fspath(path), limits), limits)


def read_bytes(content: bytes, limits: Limits = DEFAULT_LIMITS, nested: bool = False) -> Film:
    """Read a file's whole content. nested: it came out of a zip, so no other zip is opened."""
    if not content:
        raise UnreadableRadiograph("empty", "the file has no bytes")
    kind = sniff(content[:HEAD])
    if not kind:
        refuse_foreign(content[:HEAD], limits)
    if kind == "zip":
        refuse_zip(content[:HEAD], nested)
    require_size(content[:HEAD], kind, limits)
    if kind == "DICOM":
        from .dicom.read import read_dicom as read
    else:
        from .raster import read_raster

        read = partial(read_raster, kind=kind)
    try:
        return read(content, limits=limits)
    except (FileProblem, MemoryError):
        raise
    except Exception as error:  # a decoder's own error, whose text may hold anything
        if getattr(error, "code", None) == _NO_MEMORY:
            raise MemoryError from None
        raise UnreadableRadiograph("corrupt", f"the {kind} data is damaged") from None
