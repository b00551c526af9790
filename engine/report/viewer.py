"""The address of a clinic's own viewer: a pattern with `{study_uid}`, from which each row of the page gets a link."""

import re

from ..errors import UsageError
from ..lists.table import Row

#: Pages, and the viewers that register a scheme of their own: Weasis, RadiAnt, OsiriX and Horos.
SCHEMES = ("http", "https", "weasis", "radiant", "osirix", "horos")
PLACES = ("study_uid", "series_uid", "sop_uid")
_UID = re.compile(r"[0-9.]{1,64}")  # PS3.5 9.1; all that ever goes into an address


def check_pattern(pattern: str) -> str:
    """The pattern as it stands. Raises UsageError where it is no address, has no {study_uid}, or could run a script.

    >>> check_pattern("https://pacs.example/viewer?StudyInstanceUIDs={study_uid}")
    'https://pacs.example/viewer?StudyInstanceUIDs={study_uid}'
    """
    scheme, colon, rest = pattern.partition(":")
    if not colon or not rest or scheme.lower() not in SCHEMES:
        raise UsageError(f"the viewer's address must begin with one of {', '.join(f'{s}:' for s in SCHEMES)}")
    if re.search(r"[\s\"'<>`\\\x00-\x1f\x7f]", pattern):
        raise UsageError("the viewer's address holds a space, a quote or < >: write them as %20, %22, %27, %3C, %3E")
    unknown = sorted(set(re.findall(r"\{([^{}]*)\}", pattern)) - set(PLACES))
    if unknown or re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", pattern)):
        raise UsageError(
            f"the viewer's address takes {', '.join(f'{{{place}}}' for place in PLACES)} and no other braces"
        )
    if "{study_uid}" not in pattern:
        raise UsageError("the viewer's address has no {study_uid}: put it where the Study Instance UID belongs")
    return pattern


def address(pattern: str, row: Row) -> str:
    """Where a row's film opens; '' where the row has not every UID that the pattern asks for."""
    found = pattern
    for place in PLACES:
        uid = getattr(row, place)
        if f"{{{place}}}" in found:
            if not _UID.fullmatch(uid):
                return ""
            found = found.replace(f"{{{place}}}", uid)
    return found
