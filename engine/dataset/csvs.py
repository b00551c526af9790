"""The tables beside a data set: patients and folds, and the parts of a split."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataSetError
from .films import FOLDS


def read_split(path: Path) -> dict[str, str]:
    """file -> part. Raises DataSetError for a missing file, a wrong one, or a film in two parts."""
    if not path.is_file():
        raise DataSetError(f"no file {path}: --split needs a CSV with the columns file,part")
    parts: dict[str, str] = {}
    with _table(path) as (columns, rows):
        if not {"file", "part"} <= columns:
            raise DataSetError(f"{path} lacks the columns file and part")
        for row in rows:
            if parts.setdefault(row["file"], row["part"]) != row["part"]:
                raise DataSetError(f"{path} places a film in two parts: make it again with xscan data split")
    if not parts:
        raise DataSetError(f"{path} places no film: make it again with xscan data split")
    return parts


def read_patients(path: Path, *, required: bool, strict: bool = False) -> dict[str, tuple[str, int | None]]:
    """file -> patient ('' if none is named), fold. strict: a CSV that is no list of patients is an error."""
    if not path.is_file():
        if required:
            raise DataSetError(f"no file {path}: --patients needs a CSV with the columns file,patient[,fold]")
        return {}
    table: dict[str, tuple[str, int | None]] = {}
    with _table(path) as (columns, rows):
        if not {"file", "patient"} <= columns:
            if required or strict:
                raise DataSetError(f"{path} lacks the columns file and patient")
            return {}
        for row in rows:
            entry = (row["patient"] or "", _fold(row.get("fold"), path))
            if table.setdefault(row["file"], entry) != entry:
                raise DataSetError(f"{path} lists a film twice, with another patient or fold: keep one row a film")
    return table


def _fold(text: str | None, path: Path) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise DataSetError(f"{path} has a fold that is not a number")
    if int(text) >= FOLDS:
        raise DataSetError(f"{path} has a fold {int(text)}: folds run from 0 to {FOLDS - 1}")
    return int(text)


@contextmanager
def _table(path: Path) -> Iterator[tuple[set[str], Iterator[dict[str, str]]]]:
    """A CSV's columns and rows. Raises DataSetError for what is no UTF-8 text or cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns: Sequence[str] = reader.fieldnames or ()
            yield set(columns), iter(reader)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise DataSetError(f"{path} cannot be read as a CSV in UTF-8: save it so") from None
