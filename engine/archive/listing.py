"""A listing under way: what was found so far, in pieces that a kill leaves whole. The next run goes on behind the last.

PLACE/archive/listing/0000003.parquet   so many files of the inventory to come, with what is known of the walk so far
"""

import contextlib
import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from ..disk.overwrite import in_own_folder
from ..disk.replace import remove_all_left, replacing, writing
from ..find.found import Found
from .inventory import KEY, ROWS_A_GROUP, SCHEMA, Head, Stopped, table_of

_NUMBERED = re.compile(r"\d{7,}\.parquet")
GROUPS_A_PIECE = 16  #: 262,144 files, of which a local disk lists some thirty thousand a second


class Listing:
    """Of `root`, in `folder`. What other settings, or another version, left there is dropped."""

    def __init__(self, folder: Path, root: str, follow_links: bool) -> None:
        self._folder = folder
        self._root = root
        self._fixed: dict[str, str | bool] = {"root": root, "follow_links": follow_links}
        self.files = self.bytes = 0
        self.last = ""  #: the file that was found last; the walk goes on behind it
        self.mounts: dict[str, str] = {}  #: folders on another file system, so far
        #: A walk through links knows which folders it was led to: that is not kept, so such a listing begins anew.
        self.by_links = False
        self._pieces = 0
        with writing(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            remove_all_left(folder)
            while self._take_up(self._piece(self._pieces)):
                self._pieces += 1
            if self.by_links:
                self.files = self.bytes = self._pieces = 0
                self.last, self.mounts, self.by_links = "", {}, False
            for path in numbered(folder):
                if int(path.stem) >= self._pieces:
                    path.unlink()

    def mounted(self, shown: str, path: str) -> None:
        self.mounts[shown] = path

    def linked(self) -> None:
        self.by_links = True

    def add(self, found: Iterator[Found]) -> bool:
        """Write all that is found, a piece at a time. False where it was stopped: the piece in hand is not kept.

        Raises StorageError.
        """
        rest = iter(found)
        try:
            while self._add_piece(rest):
                pass
        except Stopped:
            return False
        return True

    def _add_piece(self, rest: Iterator[Found]) -> bool:
        """False where there is no more."""
        number, size, last, ended = self.files, self.bytes, self.last, False
        with _writer(self._piece(self._pieces)) as writer:
            for _ in range(GROUPS_A_PIECE):
                group = list(islice(rest, ROWS_A_GROUP))
                if group:
                    writer.write_table(table_of(group, number, self._root))
                    number += len(group)
                    size += sum(each.bytes for each in group)
                    last = group[-1].file
                if ended := len(group) < ROWS_A_GROUP:
                    break
            known = {"files": number, "bytes": size, "last": last, "mounts": self.mounts, "by_links": self.by_links}
            writer.add_key_value_metadata({KEY.decode(): json.dumps(self._fixed | known)})
        self.files, self.bytes, self.last = number, size, last
        self._pieces += 1
        return not ended

    def join(self, target: Path, head: Callable[[int, int], Head]) -> None:
        """Make the inventory of the pieces, which go. Raises StorageError."""
        with _writer(target) as writer:
            for number in range(self._pieces):
                piece = pyarrow.parquet.ParquetFile(self._piece(number), page_checksum_verification=True)
                for group in range(piece.num_row_groups):
                    writer.write_table(piece.read_row_group(group).replace_schema_metadata(None))
            writer.add_key_value_metadata({KEY.decode(): json.dumps(vars(head(self.files, self.bytes)))})
        self.remove()

    def remove(self) -> None:
        with writing(self._folder):
            for path in numbered(self._folder):
                path.unlink()
            self._folder.rmdir()

    def _take_up(self, piece: Path) -> bool:
        """Whether it is one of this listing, behind those before it."""
        try:
            metadata = pyarrow.parquet.read_metadata(piece)
            known = json.loads((metadata.metadata or {})[KEY])
            if {name: known[name] for name in self._fixed} != self._fixed:
                return False
            if known["files"] - metadata.num_rows != self.files:
                return False
        except (OSError, ValueError, KeyError, TypeError):
            return False
        self.files, self.bytes, self.last = known["files"], known["bytes"], known["last"]
        self.mounts, self.by_links = known["mounts"], known["by_links"]
        return True

    def _piece(self, number: int) -> Path:
        return self._folder / f"{number:07d}.parquet"


def numbered(folder: Path) -> list[Path]:
    """xscan's own files in a folder of numbered ones, 0000042.parquet; none where there is no such folder."""
    with contextlib.suppress(OSError):
        return sorted(path for path in folder.iterdir() if _NUMBERED.fullmatch(path.name))
    return []


@contextmanager
def _writer(target: Path) -> Generator[Any]:
    with (
        replacing(target, in_own_folder, private=True) as stream,
        pyarrow.parquet.ParquetWriter(stream, SCHEMA, compression="zstd", write_page_checksum=True) as writer,
    ):
        yield writer
