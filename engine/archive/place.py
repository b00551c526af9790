"""What an archive run keeps beside its list, and carries on from.

PLACE/triage.csv                     the list, its run report and lock as of any batch (xscan.engine.lists.output)
PLACE/triage.parquet                 the list as Parquet
PLACE/archive/archive.json           what shapes the rows; the digest of the list that was made
PLACE/archive/inventory.parquet      every file, in discovery's order
PLACE/archive/listing/               the inventory while it is made (xscan.engine.archive.listing)
PLACE/archive/parts/0000042.parquet  the rows of one block of it, written whole or not at all

A part's name is its block's number: whoever scans a block twice writes one part, so no kill can double a row.
"""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from ..disk.overwrite import in_own_folder, made_here
from ..disk.replace import remove_all_left, remove_left, replace_bytes, writing
from ..errors import OutputError, StorageError
from ..lists.table import COLUMNS, Row
from .inventory import Head
from .listing import numbered

FORMAT = 1
_SCHEMA = pyarrow.schema([("index", pyarrow.int64()), *((name, pyarrow.string()) for name in COLUMNS)])
_require_state = made_here("archive", b'{"archive": ')


class ArchiveFolder:
    """The folder `archive` in the folder for the list. Only for who holds the list's lock."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "archive"
        self.state = self.folder / "archive.json"
        self.inventory = self.folder / "inventory.parquet"
        self.parts = self.folder / "parts"
        self.listing = self.folder / "listing"

    def require_own(self) -> None:
        """Raise OutputError where a folder that xscan did not make is in the way."""
        if not os.path.lexists(self.folder):
            return
        if self.folder.is_symlink() or not self.folder.is_dir():
            raise OutputError(f"{self.folder} is in the way and is not xscan's: rename it, or give another --out")
        _require_state(self.state)
        if not self.state.exists() and any(self.folder.iterdir()):
            raise OutputError(f"{self.folder} is not xscan's: rename it, or give another --out")

    def make(self) -> None:
        with writing(self.state):
            self.folder.mkdir(mode=0o700, exist_ok=True)

    def drop(self) -> None:
        """Remove what earlier runs kept: xscan's own files, by their names."""
        with writing(self.state):
            for path in (*numbered(self.parts), *numbered(self.listing)):
                path.unlink()
            for path in (self.inventory, self.state):
                path.unlink(missing_ok=True)

    def remember(self, content: dict[str, Any]) -> None:
        """Replace archive.json. Raises StorageError."""
        text = json.dumps({"archive": FORMAT} | content, indent=1)
        replace_bytes(self.state, text.replace("{\n ", "{", 1).encode(), _require_state, private=True)

    def recall(self) -> dict[str, Any]:
        """What `remember` kept; nothing where there is no such file, or a damaged one."""
        try:
            content = json.loads(self.state.read_text(encoding="utf-8"))
            return content if isinstance(content, dict) and content.pop("archive", 0) == FORMAT else {}
        except (OSError, ValueError):
            return {}

    def prepare_parts(self) -> None:
        with writing(self.state):
            self.parts.mkdir(mode=0o700, exist_ok=True)
            remove_all_left(self.parts)
            remove_left(self.inventory)

    def part(self, number: int) -> Path:
        return self.parts / f"{number:07d}.parquet"

    def done(self, head: Head, block: int) -> set[int]:
        """Numbers of the blocks whose parts are whole and of this inventory; others are removed."""
        found = set()
        for path in numbered(self.parts):
            number = int(path.stem)
            if _is_whole(path, head, number, block):
                found.add(number)
            else:
                with writing(path):
                    path.unlink()
        return found

    def write_part(self, head: Head, number: int, block: int, rows: list[Row]) -> None:
        """Raises StorageError: nothing has changed then."""
        start = number * block
        columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
        table = pyarrow.table({"index": range(start, start + len(rows))} | columns, schema=_marked(head, number))
        content = io.BytesIO()  # a library that meets a full disk has words of its own
        pyarrow.parquet.write_table(table, content, compression="zstd", write_page_checksum=True)
        replace_bytes(self.part(number), content.getvalue(), in_own_folder, private=True)

    def rows(self, head: Head, block: int) -> Iterator[list[Row]]:
        """The rows of all parts, in order, a part at a time.

        Raises StorageError for one that is gone or damaged; it is removed, so that the next run scans its block again.
        """
        for number in range(-(-head.files // block)):
            path = self.part(number)
            try:
                table = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True).read()
                if not _is_whole(path, head, number, block):
                    raise ValueError
                columns = [table[name].to_pylist() for name in COLUMNS]
            except (OSError, ValueError):
                with writing(path):
                    path.unlink(missing_ok=True)
                raise StorageError(
                    f"{path.name} of the archive's parts is damaged: run the same command again, it scans it again"
                ) from None
            yield [Row(*cells) for cells in zip(*columns, strict=True)]


def _marked(head: Head, number: int) -> pyarrow.Schema:
    return _SCHEMA.with_metadata({"inventory": head.id, "block": str(number)})


def _is_whole(path: Path, head: Head, number: int, block: int) -> bool:
    """Whether a part is of this inventory and block, and has all of its rows."""
    try:
        metadata = pyarrow.parquet.read_metadata(path)
    except (OSError, ValueError):
        return False
    said = metadata.metadata or {}
    wanted = min(block, head.files - number * block)
    return (
        said.get(b"inventory") == head.id.encode()
        and said.get(b"block") == str(number).encode()
        and metadata.num_rows == wanted
    )
