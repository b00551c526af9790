"""Which DICOM objects are no frontal chest radiograph, by their header alone.

Only what the header says outright is skipped. What it merely hints at in free text becomes a doubt: the
film is scored, and goes to review.
"""

import re

from ...errors import NotARadiograph
from .header import PIXEL_DATA, Header

DICOMDIR = "1.2.840.10008.1.3.10"
CR_STORAGE = "1.2.840.10008.5.1.4.1.1.1"
DX_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
DX_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

RADIOGRAPH = {"CR", "DX", "RG"}  # PS3.3 C.7.3.1.1.1; RG: digitised film
NO_PICTURE = {  # modalities whose objects hold no image of a patient
    *("SR", "PR", "KO", "DOC", "REG", "FID", "SEG", "PLAN", "RTPLAN", "RTDOSE", "RTSTRUCT", "RTRECORD"),
    *("RTIMAGE", "RWV", "AU", "ECG", "EPS", "HD", "RESP", "SMR", "ASMT", "TEXTUREMAP", "M3D", "STAIN"),
}

_CHEST = re.compile(r"CHEST|THORA|TORAX|TORAC|LUNG|BRUST|POUMON|POLMON|PULM|GRUD|CXR|ГРУД|ОГК|胸|肺|흉부")
_UNSAID = {
    "",
    "UNKNOWN",
    "OTHER",
    "UNDEFINED",
    "UNSPECIFIED",
    "NONE",
    "NA",
    "NOTSET",
    "DEFAULT",
    "NULL",
    "STANDARD",
}
_CHEST_CODES = {
    *("T-D3000", "T-D3050", "T-28000", "T-D3300", "51185008", "43799004", "39607008", "816094009"),
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
_LATERAL_CODES = {  # PS3.16 CID 4010, SRT and SNOMED CT: lateral, left and right lateral
    *("R-10228", "R-10230", "R-10232", "R-10234", "R-10236", "R-10238"),
    *("399067008", "399173006", "399198007"),
}
_FRONTAL = {"", "AP", "PA", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "NONE"}

_STANDS: dict[tuple[str, ...], str] = {  # of rows, of columns
    ("R", "H"): "half-turn",
    ("L", "H"): "flipped",
    ("F", "R"): "turned-left",
    ("H", "L"): "turned-right",
}

# Words of a free-text description that name another part of the body.
_ELSEWHERE = re.compile(
    r"\b(TEETH|TOOTH|DENTAL|PANORAM\w*|SKULL|HAND|WRIST|FINGER|FOREARM|ELBOW|HUMERUS|SHOULDER|CLAVICLE|HIPS?|"
    r"PELVIS|FEMUR|KNEES?|TIBIA|ANKLE|FOOT|FEET|TOES?|SPINE|LUMBAR|CERVICAL|SACRUM|ABDOMEN|ABDOMINAL|KUB|SINUS\w*|"
    r"BREAST|MAMMO\w*|ORBIT\w*|MANDIBLE|CALCANEUS|PATELLA|BONE ?AGE)\b"
)
_SIDEWAYS = re.compile(r"\b(LAT|LATERAL|LL|PROFIL\w*)\b")
_FRONTAL_WORD = re.compile(r"\b(PA|AP|FRONTAL|DECUB\w*)\b")


def refuse_other_objects(header: Header) -> None:
    """Raise NotARadiograph if this is an index, a report, another modality: known from the first elements."""
    sop_class = header.text(0x00080016) or header.text(0x00020002)
    modality = header.text(0x00080060).upper()
    if sop_class == DICOMDIR or header.text(0x00020002) == DICOMDIR:
        raise NotARadiograph("dicomdir", "an index of files, not a picture")
    if modality in NO_PICTURE:
        raise NotARadiograph("not-a-picture", "a report, plan, presentation state or other object")
    if modality not in RADIOGRAPH:
        _refuse_modality(header, modality, sop_class)


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
    if not _is_chest(header):
        raise NotARadiograph("body-part", "the header names another part of the body")
    if _is_lateral(header):
        raise NotARadiograph("lateral", "the header says that it is a lateral view")


def _refuse_modality(header: Header, modality: str, sop_class: str) -> None:
    """Another modality, or none: a film only by its SOP class, or as a secondary capture that says chest."""
    if not modality and header.problem is not None:
        raise header.problem
    if not modality and sop_class in (CR_STORAGE, DX_PRESENTATION, DX_PROCESSING):
        return
    if not sop_class.startswith(SECONDARY_CAPTURE) or modality not in ("", "OT", "SC"):
        if PIXEL_DATA not in header and not header.number(0x00280010):
            raise NotARadiograph("not-a-picture", "an object without a picture")
        raise NotARadiograph("modality", "another modality than CR, DX or RG")
    large = min(header.number(0x00280010) or 0, header.number(0x00280011) or 0) >= 512
    grey = header.number(0x00280002) == 1
    says_chest = bool(_CHEST.search(header.text(0x00180015).upper())) or header.text(0x00185101) in (
        "PA",
        "AP",
    )
    if not (large and grey and says_chest):
        raise NotARadiograph("not-a-film", "a secondary capture that does not say it is a chest radiograph")


def _is_chest(header: Header) -> bool:
    """BodyPartExamined (PS3.3 C.7.3.1), else AnatomicRegionSequence (C.7.6.10); silence is no 'no'."""
    part = header.text(0x00180015).upper()
    if re.sub(r"[\W_]", "", part) not in _UNSAID:
        return bool(_CHEST.search(part))
    for item in header.items(0x00082218, most=1):
        code, meaning = header_code(item)
        if code or meaning:
            return code in _CHEST_CODES or bool(_CHEST.search(meaning))
    return True


def _is_lateral(header: Header) -> bool:
    """ViewPosition (PS3.3 C.8.1.3), else ViewCodeSequence (C.8.11.5), PatientOrientation (C.7.6.1.1.1)."""
    view = re.sub(r"[\W_]", "", header.text(0x00185101).upper())
    if view not in _FRONTAL:
        return view in _LATERAL
    if view in ("AP", "PA"):
        return False
    for item in header.items(0x00540220, most=1):
        code, meaning = header_code(item)
        words = set(re.findall(r"\w+", meaning))
        if code or meaning:
            return code in _LATERAL_CODES or ("LATERAL" in words and not words & {"DECUBITUS", "OBLIQUE"})
    # Rows or columns that run towards front or back lie in a sagittal plane.
    return any(direction[:1] in ("A", "P") for direction in header.texts(0x00200020))


def header_code(item: Header) -> tuple[str, str]:
    """CodeValue and CodeMeaning, the latter in capitals (PS3.3 8.1, 8.3)."""
    return item.text(0x00080100), item.text(0x00080104).upper()


def doubts(header: Header) -> list[tuple[str, str]]:
    """What free text or an unusual view hints at: (code, sentence), for review."""
    found: list[tuple[str, str]] = []
    view = re.sub(r"[\W_]", "", header.text(0x00185101).upper())
    if view not in _FRONTAL:
        found.append(("view", "the header names a view other than PA or AP"))
    if re.sub(r"[\W_]", "", header.text(0x00180015).upper()) in _UNSAID:
        told = " ".join(header.text(tag) for tag in (0x00081030, 0x0008103E, 0x00181030)).upper().replace("_", " ")
        if _ELSEWHERE.search(told) and not _CHEST.search(told):
            found.append(("description", "its description names another part of the body"))
    if not view:
        told = header.text(0x0008103E).upper().replace("_", " ")
        if _SIDEWAYS.search(told) and not _FRONTAL_WORD.search(told):
            found.append(("view", "its description says lateral"))
    if for_processing(header):
        found.append(("for-processing", "raw detector data, not what a viewer would show"))
    return found


def stands(header: Header) -> str:
    """How the picture lies, where PatientOrientation (PS3.3 C.7.6.1.1.1) says that the head is not at the top.

    Directions of rows and of columns: `L`, `F` is a frontal film as it is hung. Mirrored films are left alone.
    """
    directions = tuple(direction[:1] for direction in header.texts(0x00200020))
    return _STANDS.get(directions, "")


def for_processing(header: Header) -> bool:
    """PresentationIntentType (PS3.3 C.8.11.1), or the DX For Processing storage class."""
    return header.text(0x00080068).upper() == "FOR PROCESSING" or header.text(0x00080016) == DX_PROCESSING
