"""One DICOM file to a film: header, what to skip, pixels, grey scale; in that order, so that what is not
for the model costs no decoding."""

import numpy as np

from ...errors import NotARadiograph, UnreadableRadiograph
from ..film import Facts, Film, Limits, require_pixels
from . import cover, skip
from .age import age_years, height_m
from .grey import render
from .header import PIXEL_DATA, Header, parse
from .patient import accession, patient, study_date
from .pixels import ImagePixel, read_stored


def read_dicom(content: bytes, limits: Limits) -> Film:
    """Read one DICOM file. Raise NotARadiograph or UnreadableRadiograph."""
    header = parse(content, limits.max_bytes)
    skip.refuse_other_objects(header)
    if header.problem is not None:
        raise header.problem
    _refuse_other_pictures(header)
    image = image_pixel(header, limits)
    stored = read_stored(header, image)
    rendering = render(header, image, stored)
    doubts = skip.doubts(header)
    if rendering.contradiction:
        doubts.append(("polarity", "the header contradicts itself about which end is bright"))
    covered = cover.shutter(header, image.rows, image.columns)
    if covered is not None:
        rendering.grey = np.where(covered, np.uint8(0), rendering.grey)
        rendering.notes.append("display shutter applied")
    if cover.has_marks(header, image, stored):
        doubts.append(("burnt-in-text", "a DICOM overlay has marks over the film"))
    facts = Facts(
        format="DICOM",
        rows=image.rows,
        columns=image.columns,
        bits=image.stored,
        photometric=image.photometric,
        transfer_syntax=header.transfer_syntax,
        decoder=stored.decoder,
        window=rendering.window,
        inverted=rendering.inverted,
        modality=header.text(0x00080060).upper(),
        body_part=header.text(0x00180015).upper(),
        view_position=header.text(0x00185101).upper(),
        study_uid=_uid(header, 0x0020000D),
        series_uid=_uid(header, 0x0020000E),
        sop_uid=_uid(header, 0x00080018),
        age_years=age_years(header),
        height_m=height_m(header),
        patient=patient(header),
        study_date=study_date(header),
        accession=accession(header),
        stands=skip.stands(header),
        for_processing=skip.for_processing(header),
        doubts=doubts,
        notes=rendering.notes,
    )
    return Film(rendering.grey, facts)


def refuse_by_header(head: bytes, limits: Limits) -> None:
    """Raise NotARadiograph if the first bytes of a file tell that it is no radiograph."""
    try:
        header = parse(head, limits.max_bytes)
        if header.number(0x00280010) is None and PIXEL_DATA not in header and header.problem is not None:
            return  # cut before it says what it is
        skip.refuse_other_objects(header)
        if PIXEL_DATA in header:
            _refuse_other_pictures(header)
    except UnreadableRadiograph:  # to be said of the whole file
        return


def _refuse_other_pictures(header: Header) -> None:
    """Raise NotARadiograph; of a lateral film with its UIDs, for it is shown beside the frontal ones of its study."""
    try:
        skip.refuse_other_pictures(header)
    except NotARadiograph as problem:
        if problem.code == "lateral":
            problem.uids = _uid(header, 0x0020000D), _uid(header, 0x0020000E), _uid(header, 0x00080018)
        raise


def _uid(header: Header, tag: int) -> str:
    """A UID, or nothing: only digits and points leave this module (PS3.5 9.1)."""
    uid = header.text(tag)
    return uid if uid.replace(".", "").isdigit() and uid.isascii() and len(uid) <= 64 else ""


def image_pixel(header: Header, limits: Limits) -> ImagePixel:
    """Check the Image Pixel module (PS3.3 C.7.6.3). Raise UnreadableRadiograph where decoding cannot work."""
    rows, columns = header.number(0x00280010) or 0, header.number(0x00280011) or 0
    if not rows or not columns:
        raise UnreadableRadiograph("bad-header", "no Rows or Columns")
    require_pixels(rows, columns, limits)
    samples = header.number(0x00280002) or 1
    photometric = header.text(0x00280004).upper() or ("MONOCHROME2" if samples == 1 else "RGB")
    allocated = header.number(0x00280100) or 0
    stored = header.number(0x00280101) or allocated
    high = header.number(0x00280102)
    if samples not in (1, 3):
        raise UnreadableRadiograph("unsupported", "neither one nor three samples a pixel")
    if allocated not in (8, 16):
        raise UnreadableRadiograph("unsupported", "neither 8 nor 16 bits allocated a pixel")
    if not 1 <= stored <= allocated or high is None or not stored - 1 <= high < allocated:
        high = stored - 1
    if not 1 <= stored <= allocated:
        raise UnreadableRadiograph("bad-header", "BitsStored does not fit BitsAllocated")
    if samples == 1 and photometric not in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"):
        raise UnreadableRadiograph("bad-header", "PhotometricInterpretation does not fit one sample a pixel")
    return ImagePixel(
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=photometric,
        allocated=allocated,
        stored=stored,
        high=high,
        signed=header.number(0x00280103) == 1,
        planar=header.number(0x00280006) == 1,
    )
