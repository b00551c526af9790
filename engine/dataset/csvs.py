"""The tables beside a data set: patients and folds, and the parts of a split."""

from pathlib import Path

from ..disk.hostile import uncell
from ..errors import DataSetError
from .films import FOLDS
from .parts import fold_of_part, part_named
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
    """file -> patient ('' if none is named), fold: that of the column fold, else of the column part.

    strict: a CSV that is no such list, or has parts of other names, is an error.
    """
    if not path.is_file():
        if required:
            raise DataSetError(f"no file {path}: --patients needs a CSV with the columns file,patient[,fold or part]")
        return {}
    table: dict[str, tuple[str, int | None]] = {}
    sheet, rows = read_sheet(path)
    if "file" not in sheet.columns or not {"patient", "fold", "part"} & set(sheet.columns):
        if not required and not strict:
            return {}
        if not required:
            raise DataSetError(
                f"{path.name}, which stands beside the data, is no table of its patients ({sheet.has}): "
                "rename it, or name the table with --patients"
            )
        sheet.require("file", "patient")
    for _, row in rows:
        entry = (uncell(row.get("patient", "")), _place(row, path, strict=required or strict))
        if table.setdefault(uncell(row["file"]), entry) != entry:
            raise DataSetError(f"{path} lists a film twice, with another patient or fold: keep one row a film")
    return table


def _place(row: dict[str, str], path: Path, *, strict: bool) -> int | None:
    if "fold" in row:
        return _fold(row["fold"], path)
    part = row.get("part", "").strip()
    return fold_of_part(part, path) if part and (strict or part_named(part)) else None


def _fold(text: str | None, path: Path) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise DataSetError(f"{path} has a fold that is not a number")
    if int(text) >= FOLDS:
        raise DataSetError(f"{path} has a fold {int(text)}: folds run from 0 to {FOLDS - 1}")
    return int(text)
