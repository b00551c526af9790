"""Whose film it is: for a keyed hash that links a patient's studies, and never told; the study's date and number."""

import re

from .header import Header

#: What archives and toolkits put where a patient's number was: films with it are nobody's in particular.
_NOBODY = re.compile(
    r"[0x*?.\-_ ]*|anon.*|unknown|none|null|test.*|de-?identified|no[_ ]?id|patient[ _]?id|removed", re.IGNORECASE
)


def patient(header: Header) -> str:
    """PatientID with its issuer (PS3.3 C.7.1.1), '' where it is absent or a placeholder."""
    number = header.text(0x00100020).strip()
    if _NOBODY.fullmatch(number):
        return ""
    return f"{header.text(0x00100021).strip()}\0{number}"


def study_date(header: Header) -> str:
    """StudyDate as eight digits, '' for anything else."""
    digits = re.sub(r"[.\-/]", "", header.text(0x00080020))[:8]
    return digits if re.fullmatch(r"(19|20)\d{6}", digits, re.ASCII) else ""


def accession(header: Header) -> str:
    """AccessionNumber (PS3.3 C.7.3.1): at most 16 letters by the standard; what cannot be printed is left out."""
    return "".join(letter for letter in header.text(0x00080050).strip() if letter.isprintable())[:64]
