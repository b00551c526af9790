"""Parts of a data set: train, validate and test, by folders (`train/normal/...`) or by a column `part`.

A part stands as a fold, so that whatever takes folds takes parts: a run's scores, the record of a network's films.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from .. import CLASSES
from ..disk.hostile import on_a_line
from ..errors import DataSetError

#: Part -> the fold of its films: those that `xscan train` validates on and holds out where nothing else is said.
FOLD_OF = {"train": 0, "validate": 8, "test": 9}
_SPELLED = {
    "train": "train", "training": "train",
    "validate": "validate", "validation": "validate", "valid": "validate", "val": "validate",
    "test": "test", "testing": "test",
}  # fmt: skip
_KIND = re.compile(r"_(bacteria|virus)_")  # Kermany 2018: PNEUMONIA/person12_bacteria_47.jpeg


def part_named(name: str) -> str | None:
    """`Val` -> validate; None for what is no part's name."""
    return _SPELLED.get(name.strip().casefold())


def part_of(file: str) -> str | None:
    """The part whose folder a film of a labelled set lies in: `Val/NORMAL/a.png` -> validate; None: in none."""
    folders = file.split("/")[:-1]
    return part_named(folders[0]) if len(folders) > 1 and group_of(file) in CLASSES else None


def group_of(file: str) -> str:
    """The top folder of a film, below its part's if it lies in one; of a labelled set: the class.

    Capitals count for nothing in a class; films in a folder `pneumonia` are of the kind that their name says.
    """
    *folders, name = file.split("/")
    if len(folders) > 1 and part_named(folders[0]):
        folders = folders[1:]
    if not folders:
        return ""
    called = folders[0].casefold()
    if called == "pneumonia" and (kind := _KIND.search(name)):
        called = kind[1]
    return called if called in CLASSES else folders[0]


def are_parts(folds: Iterable[int | None]) -> bool:
    """Are these the folds of a set in parts?"""
    found = set(folds)
    return FOLD_OF["train"] in found and len(found) > 1 and found <= set(FOLD_OF.values())


def fold_of_part(name: str, path: Path) -> int:
    """The fold of a part that a table (`path`) names. Raises DataSetError."""
    part = part_named(name)
    if part is None:
        raise DataSetError(f"{path.name} has a part '{on_a_line(name)[:30]}': parts are {', '.join(FOLD_OF)}")
    return FOLD_OF[part]
