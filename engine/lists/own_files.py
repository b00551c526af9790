"""Which files runs of a list may leave beside it: what is never scanned, and what a list's readers may read."""

import contextlib
import re
from pathlib import Path

from ..disk.own_folder import OwnFolder
from .run_report import report_of
from .table import beside


def shadow_path(path: Path) -> Path:
    """Where the list of a shadow run stands, beside the list at `path`."""
    return beside(path, ".shadow.csv")


_DAMAGED = re.compile(r"(.+)\.damaged-\d{8}T\d{6}Z(-\d+)?", re.DOTALL)  #: as `earlier.set_aside` names it


def own_files(*lists: Path) -> tuple[Path, ...]:
    """All that runs of these lists, and their shadow runs, may leave beside them. Each folder is listed once."""
    lists += tuple(map(shadow_path, lists))
    own: list[Path] = []
    may_be_damaged: set[Path] = set()
    for path in lists:
        kept = [path.with_name(path.name + ending) for ending in ("", ".part", ".prev", ".run.json")]
        may_be_damaged.update(kept)
        own += [*kept, report_of(path), pictures_folder(path).path]
        own.append(pictures_folder(beside(path, ".html")).path)  # of `xscan report`
        own += [path.with_name(path.name + ending) for ending in (".sums", ".lock", ".lock.json")]
        own += [
            beside(path, ending)
            for ending in (".html", ".jsonl", ".parquet", ".excel.csv", ".run.json", ".studies.csv")
        ]
    for folder in dict.fromkeys(path.parent for path in lists):
        with contextlib.suppress(OSError):
            for other in folder.iterdir():
                match = _DAMAGED.fullmatch(other.name)
                if match and folder / match[1] in may_be_damaged:
                    own.append(other)
    return tuple(own)


def pictures_folder(path: Path) -> OwnFolder:
    """Where workers leave small pictures of the films of the list at `path`."""
    return OwnFolder(path.with_name(path.name + ".films"), _is_picture_store)


#: `PROCESS-TIME.pictures` of a worker, `earlier.pictures` of the page before; SQLite beside them while it writes.
_PICTURE_STORE = re.compile(r"(\d+-\d+|earlier)\.pictures(-journal)?")


def _is_picture_store(path: Path) -> bool:
    if not _PICTURE_STORE.fullmatch(path.name):
        return False
    with path.open("rb") as stream:
        return stream.read(16) in (b"", b"SQLite format 3\0")  # empty: of a process killed at its start
