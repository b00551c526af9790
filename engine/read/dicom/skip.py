"""Which DICOM objects are no frontal chest radiograph, by their header alone.

Only what the header says outright is skipped. What it merely hints at in free text becomes a doubt: the
film is scored, and goes to review.
"""

import re
from enum import Enum, auto
from functools import lru_cache

from ...errors import NotARadiograph
from . import regions
from .charset import readings
from .header import PIXEL_DATA, Header
from .words import Says, part_said, said

DICOMDIR = "1.2.840.10008.1.3.10"
_STORAGE = "1.2.840.10008.5.1.4.1.1."
CR_STORAGE = _STORAGE + "1"
DX_PRESENTATION = _STORAGE + "1.1"
DX_PROCESSING = _STORAGE + "1.1.1"
SECONDARY_CAPTURE = _STORAGE + "7"
_FILMS = {CR_STORAGE, DX_PRESENTATION, DX_PROCESSING}
_FLUOROSCOPY = {_STORAGE + "12.1", _STORAGE + "12.2"}  # XA, XRF: rooms that take chest films, too

RADIOGRAPH = {"CR", "DX", "RG"}  # PS3.3 C.7.3.1.1.1; RG: digitised film
NO_PICTURE = {  # modalities whose objects hold no image of a patient
    *("SR", "PR", "KO", "DOC", "REG", "FID", "SEG", "PLAN", "RTPLAN", "RTDOSE", "RTSTRUCT", "RTRECORD"),
    *("RTIMAGE", "RWV", "AU", "ECG", "EPS", "HD", "RESP", "SMR", "ASMT", "TEXTUREMAP", "M3D", "STAIN"),
}
OTHER_PICTURE = {  # terms of PS3.3 C.7.3.1.1.1 for pictures that are no plain radiograph, retired ones too
    *("ANN", "AR", "AS", "BDUS", "BI", "BMD", "CD", "CF", "CFM", "CP", "CS", "CT", "CTPROTOCOL", "DD", "DF", "DG"),
    *("DM", "DMS", "DS", "EC", "EM", "ES", "FA", "FS", "GM", "IO", "IOL", "IVOCT", "IVUS", "KER", "LEN", "LP", "LS"),
    *("MA", "MG", "MR", "MS", "NM", "OAM", "OCT", "OP", "OPM", "OPR", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "PA"),
    *("POS", "PT", "PX", "SM", "SRF", "ST", "TG", "US", "VA", "VF", "XA", "XAPROTOCOL", "XC"),
}

_UNSAID = {
    *("", "UNKNOWN", "OTHER", "UNDEFINED", "UNSPECIFIED", "NONE", "NA", "NOTSET", "NOTSPECIFIED", "DEFAULT", "NULL"),
    *("STANDARD", "GENERAL", "MISC", "ANY", "FREE", "UNASSIGNED"),
}
_LATERAL = {
    "LL",
    "RL",
    "LAT",
    "LATERAL",
    "LLAT",
    "RLAT",
    "LTLAT",
    "RTLAT",
    "LEFTLATERAL",
    "RIGHTLATERAL",
    "XTL",
    "XTABLE",
}
_FRONTAL = {"", "AP", "PA", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "NONE"}

#: Texts about this picture: SeriesDescription, ProtocolName, AcquisitionDeviceProcessingDescription.
_OF_PICTURE = (0x0008103E, 0x00181030, 0x00181400)
#: Texts about the visit: StudyDescription, RequestedProcedureDescription, PerformedProcedureStepDescription.
_OF_STUDY = (0x00081030, 0x00321060, 0x00400254)

_STANDS: dict[tuple[str, ...], str] = {  # of rows, of columns
    ("R", "H"): "half-turn",
    ("L", "H"): "flipped",
    ("F", "R"): "turned-left",
    ("H", "L"): "turned-right",
}


_VIEWS = Says.LATERAL | Says.FRONTAL
_LONGEST_TEXT = 4096  #: bytes


class Region(Enum):
    CHEST = auto()
    MORE = auto()  #: the chest among others
    ELSEWHERE = auto()
    UNSAID = auto()
    UNKNOWN = auto()  #: said in words or a code that is not known here


def refuse_other_objects(header: Header) -> None:
    """Raise NotARadiograph if this is an index, a report, another modality: known from the first elements.

    The SOP class is what an object is (PS3.4 B.5); Modality is trusted where it does not contradict that.
    """
    sop_class = header.text(0x00080016) or header.text(0x00020002)
    modality = header.text(0x00080060).upper()
    if sop_class == DICOMDIR or header.text(0x00020002) == DICOMDIR:
        raise NotARadiograph("dicomdir", "an index of files, not a picture")
    if modality in NO_PICTURE:
        raise NotARadiograph("not-a-picture", "a report, plan, presentation state or other object")
    if sop_class.startswith(SECONDARY_CAPTURE):
        _refuse_capture(header, modality)
    elif sop_class in _FILMS:
        if modality in OTHER_PICTURE:
            raise NotARadiograph("modality", _NO_MODALITY)
        if _is_derived(header) and (header.number(0x00280002) or 1) > 1:
            raise NotARadiograph("not-a-film", "a coloured picture made from another one")
    elif sop_class in _FLUOROSCOPY:
        if modality not in RADIOGRAPH:
            raise NotARadiograph("modality", _NO_MODALITY)
    elif sop_class.startswith(_STORAGE):
        if modality not in RADIOGRAPH and PIXEL_DATA not in header and not header.number(0x00280010):
            raise NotARadiograph("not-a-picture", "an object without a picture")
        by_class = "an object of another modality, by its SOP class"
        raise NotARadiograph("modality", by_class if modality in RADIOGRAPH else _NO_MODALITY)
    elif modality not in RADIOGRAPH:  # a private class, or none
        if not modality and header.problem is not None:
            raise header.problem
        if not _may_be_film(header, modality):
            raise NotARadiograph("modality", _NO_MODALITY)


_NO_MODALITY = "another modality than CR, DX or RG"


def refuse_other_pictures(header: Header) -> None:
    """Raise NotARadiograph if the header says that this is no single frontal chest radiograph."""
    if header.text(0x00080064) in ("SD", "SI", "DRW", "SYN"):  # ConversionType, PS3.3 C.8.6.1
        raise NotARadiograph("not-a-film", "a scanned or drawn document")
    frames = header.decimals(0x00280008)
    if frames and frames[0] > 1:
        raise NotARadiograph("multi-frame", "several pictures in one file")
    if PIXEL_DATA not in header:
        if 0x7FE00008 in header or 0x7FE00009 in header:
            raise NotARadiograph("not-a-film", "floating-point pixels are no film")
        raise NotARadiograph("no-pixels", "a header without pixels")
    region = _region(header)
    if region is Region.ELSEWHERE or (region is Region.UNSAID and _is_spine(_said(header, *_OF_PICTURE, *_OF_STUDY))):
        raise NotARadiograph("body-part", "the header names another part of the body")
    if _is_lateral(header):
        raise NotARadiograph("lateral", "the header says that it is a lateral view")


def _refuse_capture(header: Header, modality: str) -> None:
    """A secondary capture: a converted film by its modality, or by being large, grey, and saying chest; never one that
    is coloured or was made from other pictures."""
    if header.problem is not None and modality in RADIOGRAPH:
        return
    if modality not in RADIOGRAPH and modality in OTHER_PICTURE:
        raise NotARadiograph("modality", _NO_MODALITY)
    if modality not in RADIOGRAPH and not _may_be_film(header, modality):
        raise NotARadiograph("not-a-film", "a secondary capture that does not say it is a chest radiograph")
    grey = (header.number(0x00280002) or 1) == 1
    if not grey or _is_derived(header):
        raise NotARadiograph("not-a-film", "a secondary capture made from other pictures, or in colour")


def _may_be_film(header: Header, modality: str) -> bool:
    """Where neither the class nor the modality says radiograph: whether it is large, grey, and says chest.

    Raise NotARadiograph if it has no picture.
    """
    if PIXEL_DATA not in header and not header.number(0x00280010):
        raise NotARadiograph("not-a-picture", "an object without a picture")
    if modality in OTHER_PICTURE or modality == "RF":
        return False
    large = min(header.number(0x00280010) or 0, header.number(0x00280011) or 0) >= 512
    says_chest = _region(header) in (Region.CHEST, Region.MORE) or header.text(0x00185101) in ("PA", "AP")
    return large and header.number(0x00280002) == 1 and says_chest


def _is_derived(header: Header) -> bool:
    """ImageType (PS3.3 C.7.6.1.1.2) says: pixels from another picture, made after the examination.

    DERIVED, PRIMARY is how DX films for presentation come.
    """
    kind = [value.upper() for value in header.texts(0x00080008)]
    return kind[:2] == ["DERIVED", "SECONDARY"]


def _region(header: Header) -> Region:
    """BodyPartExamined (PS3.3 C.7.3.1), else AnatomicRegionSequence (C.7.6.10); silence is no 'no'."""
    part = _part(header)
    coded = _coded_region(header)
    if part is Region.UNSAID:
        return coded
    if part is Region.UNKNOWN and coded is not Region.UNSAID:
        return coded
    if part is Region.CHEST and coded in (Region.ELSEWHERE, Region.MORE):  # the two contradict each other
        return Region.MORE
    return part


def _part(header: Header) -> Region:
    raw = header.value(0x00180015)
    return _part_of(raw[:_LONGEST_TEXT], header.character_sets) if raw else Region.UNSAID


@lru_cache(maxsize=1024)  # the same few in all films of a device
def _part_of(raw: bytes, character_sets: bytes) -> Region:
    texts = readings(raw, character_sets)
    if re.sub(r"[\W_]", "", texts[0].partition("\\")[0].upper()) in _UNSAID:
        return Region.UNSAID
    return next(
        (region for text in texts if (region := _region_of(part_said(text))) is not Region.UNKNOWN), Region.UNKNOWN
    )


def _coded_region(header: Header) -> Region:
    for item in (*header.items(0x00082218, most=1), *header.items(0x00082228, most=1)):  # region, structure
        code, meanings = item.text(0x00080100), item.readings(0x00080104)
        if code in regions.CHEST:
            return Region.CHEST
        if code in regions.MORE_THAN_CHEST:
            return Region.MORE
        if code in regions.ELSEWHERE:
            return Region.ELSEWHERE
        for meaning in meanings:
            if (region := _region_of(part_said(meaning))) is not Region.UNKNOWN:
                return region
        if code or any(meanings):
            return Region.UNKNOWN
    return Region.UNSAID


def _region_of(said: Says) -> Region:
    if said & Says.SPINE:
        return Region.MORE if said & Says.CHEST_ALONE else Region.ELSEWHERE
    if said & Says.ELSEWHERE:
        return Region.MORE if said & Says.CHEST else Region.ELSEWHERE
    return Region.CHEST if said & Says.CHEST else Region.UNKNOWN


def _is_spine(said: Says) -> bool:
    return Says.SPINE in said and Says.CHEST_ALONE not in said


def _said(header: Header, *tags: int) -> Says:
    """What these texts say, together."""
    together = Says.NOTHING
    for tag in tags:
        if raw := header.value(tag):
            together |= _said_in(raw[:_LONGEST_TEXT], header.character_sets)
    return together


@lru_cache(maxsize=4096)
def _said_in(raw: bytes, character_sets: bytes) -> Says:
    """What a text says; in other character sets where the declared one gives no word that is known."""
    return next((found for text in readings(raw, character_sets) if (found := said(text))), Says.NOTHING)


def _is_lateral(header: Header) -> bool:
    """ViewPosition (PS3.3 C.8.1.3), else ViewCodeSequence (C.8.11.5), PatientOrientation (C.7.6.1.1.1)."""
    view = re.sub(r"[\W_]", "", header.text(0x00185101).upper())
    if view in ("AP", "PA"):
        return False
    if view in _LATERAL:
        return True
    words = _said(header, 0x00185101)
    if view not in _FRONTAL or words:
        return Says.LATERAL in words and Says.FRONTAL not in words and "OBL" not in view and view[:2] != "LL"
    for item in header.items(0x00540220, most=1):
        code, meaning = item.text(0x00080100), item.text(0x00080104).upper()
        if code or meaning:
            words = _said(item, 0x00080104)
            named = Says.LATERAL in words and not re.search(r"DECUBITUS|OBLIQUE|FRONTAL", meaning)
            return code in regions.LATERAL or (code not in regions.FRONTAL and named)
    # Rows or columns that run towards front or back lie in a sagittal plane.
    return any(direction[:1] in ("A", "P") for direction in header.texts(0x00200020))


def doubts(header: Header) -> list[tuple[str, str]]:
    """What free text or an unusual view hints at: (code, sentence), for review."""
    found: list[tuple[str, str]] = []
    view = re.sub(r"[\W_]", "", header.text(0x00185101).upper())
    if view not in _FRONTAL:
        found.append(("view", "the header names a view other than PA or AP"))
    found += _doubts_of_region(header)
    if _says_lateral(header, view):
        found.append(("view", "its description says lateral"))
    if for_processing(header):
        found.append(("for-processing", "raw detector data, not what a viewer would show"))
    sop_class = header.text(0x00080016)
    if header.text(0x00080060).upper() == "RF" or sop_class in _FLUOROSCOPY:
        found.append(("fluoroscopy", "from a fluoroscopy unit, by its modality or SOP class"))
    # Toolkits write DERIVED, SECONDARY into films, too, when they compress them with loss.
    if sop_class in _FILMS and _is_derived(header) and header.text(0x00282110) != "01":
        found.append(("derived", "made from another picture after the examination (DERIVED, SECONDARY)"))
    return found


def _doubts_of_region(header: Header) -> list[tuple[str, str]]:
    region = _region(header)
    if region is Region.UNKNOWN:
        return [("description", "the part of the body that the header names is not understood")]
    if region is Region.MORE:
        return [("description", "the header names more than the chest")]
    told = _said(header, *_OF_PICTURE)
    if region is Region.UNSAID and not told & (Says.CHEST | Says.ELSEWHERE | Says.SPINE):
        told = _said(header, *_OF_STUDY)
    other = told & (Says.ELSEWHERE | Says.SPINE)
    if other and Says.CHEST not in told:
        return [("description", "its description names another part of the body")]
    if other and region is Region.UNSAID:
        return [("description", "its description names more than the chest")]
    return []


def _says_lateral(header: Header, view: str) -> bool:
    """Free text that says lateral and not frontal; where the text about the picture says neither, that of the study."""
    if view and view not in ("AP", "PA"):
        return False  # the view is a doubt already
    each = [_said(header, tag) & _VIEWS for tag in _OF_PICTURE if tag in header]
    if any(said is Says.LATERAL for said in each):
        return True
    return not view and not any(each) and _said(header, *_OF_STUDY) & _VIEWS is Says.LATERAL


def stands(header: Header) -> str:
    """How the picture lies, where PatientOrientation (PS3.3 C.7.6.1.1.1) says that the head is not at the top.

    Directions of rows and of columns: `L`, `F` is a frontal film as it is hung. Mirrored films are left alone.
    """
    directions = tuple(direction[:1] for direction in header.texts(0x00200020))
    return _STANDS.get(directions, "")


def for_processing(header: Header) -> bool:
    """PresentationIntentType (PS3.3 C.8.11.1), or the DX For Processing storage class."""
    return header.text(0x00080068).upper() == "FOR PROCESSING" or header.text(0x00080016) == DX_PROCESSING
