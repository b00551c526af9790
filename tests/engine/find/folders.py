"""Folders and zips to look through."""

import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.find.discover import discover

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def fill(folder: Path, *files: str) -> None:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.encode("utf-8", "surrogateescape"))


def make_zip(path: Path, *members: str, method: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as target:
        for member in members:
            target.writestr(member, member * 10)


def files(folder: Path, **options: Any) -> list[str]:
    return [found.file for found in discover(folder, **options)]
