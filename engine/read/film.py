"""What reading gives: a grey picture and the facts about it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import NotARadiograph, UnreadableRadiograph

if TYPE_CHECKING:  # the main process of a batch reads no film, and starts sooner without numpy
    import numpy as np


@dataclass(frozen=True, slots=True)
class Limits:
    """Refused from the header, before memory is taken."""

    max_pixels: int = 100_000_000  #: rows x columns
    max_bytes: int = 512 * 2**20  #: of the file, or of a zip's member unpacked
    min_side: int = 0  #: rows or columns, whichever are fewer: the network's smallest film


@dataclass(slots=True)
class Facts:
    """What is known about one film. The age stays inside: it is never written out."""

    format: str = ""  #: DICOM, JPEG, PNG, TIFF, BMP, WebP, JPEG 2000
    rows: int = 0  #: as shown, after EXIF orientation
    columns: int = 0
    bits: int = 8  #: bits of a stored value
    photometric: str = ""  #: DICOM's PhotometricInterpretation; of a raster: grey, colour, CMYK, palette
    transfer_syntax: str = ""  #: DICOM's UID
    decoder: str = ""  #: what decoded the pixels
    window: str = ""  #: how stored values became grey
    inverted: bool = False  #: low stored values are bright
    modality: str = ""
    body_part: str = ""
    view_position: str = ""
    study_uid: str = ""
    series_uid: str = ""
    sop_uid: str = ""
    age_years: float | None = field(default=None, repr=False)
    height_m: float | None = field(default=None, repr=False)  #: of the patient; stays inside, too
    patient: str = field(default="", repr=False)  #: PatientID with its issuer; stays inside, too: see Note
    study_date: str = field(default="", repr=False)  #: 20260131
    accession: str = field(default="", repr=False)  #: AccessionNumber; on the page alone, where a site chose so
    stands: str = ""  #: how, by DICOM's PatientOrientation: half-turn, flipped, turned-left, turned-right; else ''
    for_processing: bool = False  #: PresentationIntentType FOR PROCESSING
    doubts: list[tuple[str, str]] = field(default_factory=list)  #: (code, sentence): scored, but for review
    notes: list[str] = field(default_factory=list)  #: harmless oddities, for `inspect`


@dataclass(slots=True)
class Film:
    """A readable radiograph."""

    grey: "np.ndarray"  #: uint8 [rows, columns], dark = air: the picture that a viewer would show
    facts: Facts


DEFAULT_LIMITS = Limits()


def require_side(rows: int, columns: int, limits: Limits) -> None:
    """Raise NotARadiograph if a picture of this size is an icon or a logo."""
    if min(rows, columns) < limits.min_side:
        raise NotARadiograph("too-small", f"{columns} x {rows}, a film has at least {limits.min_side} pixels a side")


def require_pixels(rows: int, columns: int, limits: Limits) -> None:
    """Raise UnreadableRadiograph if a picture of this size is over the limit, NotARadiograph if it is an icon."""
    require_side(rows, columns, limits)
    if rows * columns > limits.max_pixels:
        raise UnreadableRadiograph(
            "too-many-pixels", f"{columns} x {rows}, the limit is {limits.max_pixels / 1e6:g} megapixels"
        )
