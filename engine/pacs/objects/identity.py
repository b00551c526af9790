"""Who a film is of, for objects that go back to the PACS: the bytes of its patient and study modules, and no more.

They are taken by the header walk that reads films, never decoded, and put into the new object as they stand, in the
character set that the film declares: a PACS files an object under another patient when one letter differs. Nothing of
it goes anywhere else: not into lists, logs, errors or `repr`.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import UnreadableRadiograph
from ...read.dicom.header import Header, parse

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_CONTROL = re.compile(rb"[\x00-\x1a\x1c-\x1f\x7f]")  # ESC changes the character set (PS3.5 6.1.2.5)
_CHARACTER_SETS = 0x00080005

#: Patient, General Study (PS3.3 C.7.1.1, C.7.2.1): tag, VR, most bytes, and whether all objects have it (type 2).
_TEXTS = (
    (0x00080050, "SH", 64, True),  # AccessionNumber
    (0x00080090, "PN", 1024, True),  # ReferringPhysicianName
    (0x00081030, "LO", 256, False),  # StudyDescription
    (0x00100010, "PN", 1024, True),  # PatientName
    (0x00100020, "LO", 256, True),  # PatientID
    (0x00100021, "LO", 256, False),  # IssuerOfPatientID
    (0x00200010, "SH", 64, True),  # StudyID
)
_MUST_BE_SOUND = (0x00100010, 0x00100020)  #: without these as they stand, an object could land at another patient
_DATES = (0x00080020, 0x00100030)  # StudyDate, PatientBirthDate
_TIMES = (0x00080030,)  # StudyTime
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
    sop_class, sop_uid = _uid(header, 0x00080016), _uid(header, 0x00080018)
    series_uid, study_uid = _uid(header, 0x0020000E), _uid(header, 0x0020000D)
    if not (sop_class and sop_uid and series_uid and study_uid):
        raise UnreadableRadiograph("bad-header", "a UID that a result must refer to is missing or malformed")
    directions = header.texts(0x00200020)
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
        _identity(header),
    )


def _identity(header: Header) -> dict[int, tuple[str, bytes]]:
    found: dict[int, tuple[str, bytes]] = {}
    character_sets = header.value(_CHARACTER_SETS).strip(b" \0")
    if re.fullmatch(rb"[A-Z0-9_ \\]{1,200}", character_sets):
        found[_CHARACTER_SETS] = "CS", _even(character_sets)
    for tag, vr, most, always in _TEXTS:
        value = header.value(tag).rstrip(b" \0")
        if len(value) > most or _CONTROL.search(value):
            if tag in _MUST_BE_SOUND:
                raise UnreadableRadiograph("bad-header", "its patient's name or number cannot stand in another object")
            value = b""
        if value or always:
            found[tag] = vr, _even(value)
    for tag in _DATES:
        found[tag] = "DA", _matching_bytes(rb"\d{8}", header.value(tag).replace(b".", b""))
    for tag in _TIMES:
        found[tag] = "TM", _matching_bytes(rb"(\d\d){1,3}(\.\d{1,6})?", header.value(tag).replace(b":", b""))
    found[_SEX] = "CS", _matching_bytes(rb"[MFO]", header.value(_SEX))
    return dict(sorted(found.items()))


def _matching_bytes(pattern: bytes, value: bytes) -> bytes:
    value = value.strip(b" \0")
    return _even(value) if re.fullmatch(pattern, value) else b""


def _matching(pattern: str, value: str) -> str:
    return value if re.fullmatch(pattern, value) else ""


def _even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)


def _uid(header: Header, tag: int) -> str:
    uid = header.text(tag)
    return uid if len(uid) <= 64 and _UID.fullmatch(uid) else ""
