"""What a UID is (PS3.5 9.1), for every word of a PACS or a film that should be one."""

import re
from typing import Any

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def sound_uid(value: Any) -> str:
    """The UID, or '' for what is none."""
    text = str(value or "").strip(" \0")
    return text if len(text) <= 64 and _UID.fullmatch(text) else ""
