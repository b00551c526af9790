"""Lists as a batch leaves them."""

import csv
import os
from pathlib import Path

POSIX = os.name == "posix"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
