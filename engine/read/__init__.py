"""A file's bytes to one grey picture, or the reason why not.

content         the bytes, within the limits        decode     which reader takes them
sniff           which format, by content            film       what reading gives
raster, jpeg, jpeg2000, raster_headers              JPEG, PNG, TIFF, BMP, WebP, JPEG 2000
dicom           headers, what to skip, pixels, grey scale
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .film import Film


def read_path(path: str | Path) -> "Film":
    """Read one file by its path, for training and tools. Raises NotARadiograph or UnreadableRadiograph."""
    from .decode import read_path as read  # not above: the batch's main process imports no decoder

    return read(path)
