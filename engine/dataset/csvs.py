"""The tables beside a data set: patients and folds, and the parts of a split."""

from pathlib import Path

from ..disk.hostile import uncell
from ..errors import DataSetError
from .films import FOLDS
from .sheet import read_sheet


def read_split(path: Path) -> dict[str, str]:
    """file -> part. Raises DataSetError for a missing file, a wrong one, or a film in two parts."""
    if not path.is_file():
        raise DataSetError(f"no file {path}: --split needs a CSV with the columns file,part")
    parts: dict[str, str] = {}
    sheet, rows = read_sheet(path)
    sheet.require("file", "part")
    for _, row in rows:
        if parts.setdefault(uncell(row["file"]), row["part"]) != row["part"]:
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
    sheet, rows = read_sheet(path)
    if not required and not strict and not {"file", "patient"} <= set(sheet.columns):
        return {}
    sheet.require("file", "patient")
    for _, row in rows:
        entry = (uncell(row["patient"] or ""), _fold(row.get("fold"), path))
        if table.setdefault(uncell(row["file"]), entry) != entry:
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
