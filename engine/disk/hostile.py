"""Text that others chose (file names, DICOM values), made harmless for what reads it: spreadsheets, terminals, JSON.

Imports nothing heavy.
"""

import json
import re
from typing import Any

#: What begins a formula: ASCII, and the full-width and small forms that a Japanese or Chinese spreadsheet takes for it.
_SIGN = "[=+\\-@\t\r\n＝＋－＠﹦﹢﹣﹫]"
#: Where a cell begins, for a program that parts at semicolons or tabs, or minds no quotes around a line end.
_EDGE = "(?<![^;\t\r\n])"
#: Marks that a program may take off a cell before it looks at it.
_BEFORE = "['\" \u00a0\u3000]*"
# A text that already stands behind quotes gets one more, so that reading back is exact.
_TO_QUOTE = re.compile(f"{_EDGE}(?={_BEFORE}{_SIGN})")
_TO_UNQUOTE = re.compile(f"{_EDGE}'(?={_BEFORE}{_SIGN})")

#: Controls of terminals (C0, C1, delete), marks that turn the direction of writing or cannot be seen, lone surrogates.
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_FOR_TERMINALS = re.compile(f"[{_UNSEEN}]")
_FOR_A_LINE = re.compile(f"[{_UNSEEN}\n\t]")


def cell(text: str) -> str:
    """A cell of a CSV in which no spreadsheet finds a formula: a `'` stands before what would be one."""
    return _TO_QUOTE.sub("'", text)


def uncell(text: str) -> str:
    """What `cell` was given."""
    return _TO_UNQUOTE.sub("", text)


def on_terminal(text: str) -> str:
    """Text for people, line ends and tabs kept: what a terminal would obey, or not show, is written as an escape."""
    return _FOR_TERMINALS.sub(_escape, text)


def on_a_line(text: str) -> str:
    """The same for one value or one message: it stays on its line."""
    return _FOR_A_LINE.sub(_escape, text)


def as_json(data: Any, **options: Any) -> str:
    """JSON in the text's own letters, with escapes for what a terminal would obey; the value stays the same."""
    return _FOR_TERMINALS.sub(lambda m: json.dumps(m[0])[1:-1], json.dumps(data, ensure_ascii=False, **options))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
