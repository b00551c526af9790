"""Who a film is of, for objects that go back to the PACS: the bytes of its patient and study modules, and no more.

They are taken by the header walk that reads films, and put into the new object as they stand, in the character set
that the film declares: a PACS files an object under another patient when one letter differs. Nothing of it goes
anywhere else: not into lists, logs, errors or `repr`.

A text or UID that breaks the standard (PS3.5 6.2: an accession number of more than 16 characters) is kept: the PACS has
the film with it, objects of one study must agree, and it may match by it. What no object can carry is left out.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from ...errors import UnreadableRadiograph
from ...read.dicom.header import Header, parse
from ..uids import sound_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_CONTROL = re.compile(rb"[\x00-\x1a\x1c-\x1f\x7f]")  # ESC changes the character set (PS3.5 6.1.2.5)
_CHARACTER_SETS = 0x00080005

#: Patient, General Study (PS3.3 C.7.1.1, C.7.2.1): tag, VR, most bytes, and whether all objects have it (type 2).
_TEXTS = (
    (0x00080050, "AccessionNumber", "SH", 64, True),
    (0x00080090, "ReferringPhysicianName", "PN", 1024, True),
    (0x00081030, "StudyDescription", "LO", 256, False),
    (0x00100010, "PatientName", "PN", 1024, True),
    (0x00100020, "PatientID", "LO", 256, True),
    (0x00100021, "IssuerOfPatientID", "LO", 256, False),
    (0x00200010, "StudyID", "SH", 64, True),
)
_LONGEST = {"SH": 16, "LO": 64, "PN": 64}  #: characters (PS3.5 6.2); of a name in each of its groups
_MUST_BE_SOUND = (0x00100010, 0x00100020)  #: without these as they stand, an object could land at another patient
_DATES = ((0x00080020, "StudyDate"), (0x00100030, "PatientBirthDate"))
_STUDY_TIME = 0x00080030
_TIME = rb"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?"
_SEX = 0x00100040


@dataclass(frozen=True)
class Source:
    """A film that a result is about."""

    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    rows: int
    columns: int
    orientation: tuple[str, str] | None  #: PatientOrientation, as shown
    lossy: bool  #: LossyImageCompression is 01: what is made of it says so, too
    lossy_ratio: str
    lossy_method: str
    transfer_syntax: str = ""
    irregular: tuple[str, ...] = ()  #: what of it breaks the standard: "AccessionNumber kept", "StudyDate left out"
    _elements: dict[int, tuple[str, bytes]] = field(default_factory=dict, repr=False)

    def evidence(self) -> "Dataset":
        """What highdicom needs to refer to the film: UIDs and size, and an empty identity for `put_into` to fill."""
        from pydicom.dataset import Dataset

        film = Dataset()
        film.SOPClassUID, film.SOPInstanceUID = self.sop_class, self.sop_uid
        film.SeriesInstanceUID, film.StudyInstanceUID = self.series_uid, self.study_uid
        film.Rows, film.Columns = self.rows, self.columns
        film.Modality = "OT"  # else highdicom wants the views and regions of a radiograph for its image library
        film.PatientName = film.PatientID = film.PatientBirthDate = film.PatientSex = ""
        film.AccessionNumber = film.StudyID = film.StudyDate = film.StudyTime = film.ReferringPhysicianName = ""
        return film

    def put_into(self, made: "Dataset") -> None:
        """Give an object the film's identity, byte for byte."""
        from pydicom.dataelem import RawDataElement
        from pydicom.tag import Tag

        if _CHARACTER_SETS in made:
            del made[_CHARACTER_SETS]
        for number, (vr, value) in self._elements.items():
            made[number] = RawDataElement(Tag(number), vr, len(value), value, 0, False, True)


def source_of(content: bytes, max_bytes: int) -> Source:
    """The identity of a DICOM film, from its bytes.

    Raises UnreadableRadiograph: what it is no film for, or `bad-header` where its identity cannot be handed on.
    """
    header = parse(content, max_bytes)
    sop_class, sop_uid = sound_uid(header.text(0x00080016)), sound_uid(header.text(0x00080018))
    series_uid, study_uid = sound_uid(header.text(0x0020000E)), sound_uid(header.text(0x0020000D))
    uids = {"SOPInstanceUID": sop_uid, "SeriesInstanceUID": series_uid, "StudyInstanceUID": study_uid}
    if not (sop_class and sop_uid and series_uid and study_uid):
        raise UnreadableRadiograph("bad-header", "a UID that a result must refer to is missing or malformed")
    directions = header.texts(0x00200020)
    elements, irregular = _identity(header)
    irregular += [f"{keyword} kept" for keyword, uid in uids.items() if re.search(r"(^|\.)0\d", uid)]  # PS3.5 9.1
    sound = len(directions) == 2 and all(re.fullmatch(r"[AFHLPR]{1,3}", direction) for direction in directions)
    return Source(
        sop_class,
        sop_uid,
        series_uid,
        study_uid,
        header.number(0x00280010) or 0,
        header.number(0x00280011) or 0,
        (directions[0], directions[1]) if sound else None,
        header.text(0x00282110) == "01",
        _matching(r"[0-9.]{1,16}", header.text(0x00282112)),
        _matching(r"[A-Z0-9_]{1,16}", header.text(0x00282114)),
        header.transfer_syntax,
        tuple(irregular),
        elements,
    )


def _identity(header: Header) -> tuple[dict[int, tuple[str, bytes]], list[str]]:
    """Elements by tag, as VR and value; and what of them breaks the standard."""
    found: dict[int, tuple[str, bytes]] = {}
    irregular: list[str] = []

    def put(tag: int, keyword: str, vr: str, value: bytes, sound: bool, always: bool = True) -> None:
        if not sound:
            irregular.append(f"{keyword} left out")
        if always or (value and sound):
            found[tag] = vr, _even(value if sound else b"")

    for tag, keyword, vr, most, always in _TEXTS:
        value = header.value(tag).rstrip(b" \0")
        sound = len(value) <= most and not _CONTROL.search(value)
        if not sound and tag in _MUST_BE_SOUND:
            raise UnreadableRadiograph("bad-header", "its patient's name or number cannot stand in another object")
        put(tag, keyword, vr, value, sound, always)
        if sound and not _is_standard(vr, header.texts(tag)):
            irregular.append(f"{keyword} kept")
    character_sets = header.value(_CHARACTER_SETS).strip(b" \0")
    known = re.fullmatch(rb"[A-Z0-9_ \\]{0,200}", character_sets) is not None
    put(_CHARACTER_SETS, "SpecificCharacterSet", "CS", character_sets, known, always=False)
    for tag, keyword in _DATES:
        value = header.value(tag).replace(b".", b"").strip(b" \0")  # with points: ACR-NEMA
        put(tag, keyword, "DA", value, not value or _is_day(value))
    value = header.value(_STUDY_TIME).replace(b":", b"").strip(b" \0")
    put(_STUDY_TIME, "StudyTime", "TM", value, not value or re.fullmatch(_TIME, value) is not None)
    value = header.value(_SEX).strip(b" \0")
    put(_SEX, "PatientSex", "CS", value, value in (b"", b"M", b"F", b"O"))
    return dict(sorted(found.items())), irregular


def _is_standard(vr: str, texts: list[str]) -> bool:
    """Whether a text is one value, and not over its length."""
    groups = texts[0].split("=") if vr == "PN" else texts
    return len(texts) == 1 and len(groups) <= 3 and all(len(group) <= _LONGEST[vr] for group in groups)


def _is_day(value: bytes) -> bool:
    if not re.fullmatch(rb"\d{8}", value):
        return False
    try:
        date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return False
    return True


def _matching(pattern: str, value: str) -> str:
    return value if re.fullmatch(pattern, value) else ""


def _even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)
