"""Accession numbers to fetch: a text with one a line, or a table with a column of them."""

from pathlib import Path

from ..dataset.sheet import read_sheet, table_text
from ..errors import UsageError

LONGEST = 16  #: letters (PS3.5 6.2, SH)


def read_accessions(path: Path) -> tuple[str, ...]:
    """Each once, in their order. `#` begins a comment, where it is no table. Raises UsageError."""
    sheet, rows = read_sheet(path)
    never = "*?\\"  # * and ? would match every study; a backslash separates values (PS3.4 C.2.2.2.4, PS3.5 6.4)
    if "accession" in sheet.columns:
        lines = [(number, row["accession"].strip()) for number, row in rows]
    else:
        lines = [(number, line.strip()) for number, line in enumerate(table_text(path).splitlines(), 1)]
        lines = [(number, line) for number, line in lines if not line.startswith("#")]
        never += ",;"  # a table without that column
    for number, line in lines:
        if len(line) > LONGEST or not line.isprintable() or set(line) & set(never):
            hint = f"; of a table, name the column accession ({sheet.has})" if len(sheet.columns) > 1 else ""
            rule = f"at most {LONGEST} letters, none of {' '.join(never)}"
            raise UsageError(f"line {number} of {path} is no accession number: {rule}{hint}")
    found = tuple(dict.fromkeys(line for _, line in lines if line))
    if not found:
        raise UsageError(f"{path} holds no accession number")
    return found
