"""The patient's age and height, for the domain check alone. Never written out, and never in a message."""

import re
from datetime import date

from .header import Header

_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_AGE = re.compile(r"0*(\d{1,3})\s*([YMWD]?)(?:EARS?|RS?|O)?\.?", re.IGNORECASE)


def age_years(header: Header) -> float | None:
    """PatientAge (PS3.5 6.2 AS, also malformed: `62`, `062Y `, `3M`), else from the birth and study dates."""
    found = _AGE.fullmatch(header.text(0x00101010))
    if found:
        years = int(found[1]) * _YEARS[found[2].upper() or "Y"]
        # A bare 000 is how devices write 'not known'.
        if 0 <= years <= 130 and (years > 0 or found[2]):
            return years
    born = _date(header.text(0x00100030))
    for tag in (0x00080020, 0x00080022, 0x00080023, 0x00080021):  # study, acquisition, content, series
        taken = _date(header.text(tag))
        if born and taken and 0 <= (years := (taken - born).days / 365.25) <= 130:
            return years
    return None


def height_m(header: Header) -> float | None:
    """PatientSize (PS3.3 C.7.2.2, metres); None where it is absent, a placeholder, or no height that people have."""
    sizes = header.decimals(0x00101020)
    return sizes[0] if sizes and 0.3 <= sizes[0] <= 2.5 else None


def _date(text: str) -> date | None:
    """A DA value, or the older yyyy.mm.dd; None for anything else and for placeholders."""
    digits = re.sub(r"[.\-/]", "", text)[:8]
    if len(digits) != 8 or not digits.isdigit() or digits.startswith(("0", "9999")):
        return None
    try:
        return date(int(digits[:4]), max(int(digits[4:6]), 1), max(int(digits[6:8]), 1))
    except ValueError:
        return None
