"""A packed set: a labelled data set as a few arrays, read in place of its folder and much quicker.

SET/set.json       format, preprocessing, fingerprints, and the films that could not be read
SET/pixels.npy     uint8 [films, height, width]: the network's inputs, after the one preprocessing
SET/labels.npy     int64 [films], index into CLASSES
SET/folds.npy      int64 [films], 0 to 9
SET/files.npy      str [films]: relative to the folder it was packed from, forward slashes; sorted
SET/patients.npy   str [films]
SET/facts.npy      int64 [films, 4]: rows, columns, bytes and bits of each film as it was found
SET/sha256.npy     uint8 [films, 32]: of each film's file

No array needs pickle. The same films give the same bytes. `pixels` is mapped into memory, not read.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .. import CLASSES
from ..disk.own_folder import OwnFolder
from ..disk.replace import move
from ..errors import DataSetError, FileProblem, StorageError, UsageError
from ..find.found import Found
from ..network.spec import InputSpec
from .films import DataSet, ListedFilm, data_set

INDEX = "set.json"
FORMAT = "xscan packed set 1"
_SMALL = ("labels", "folds", "files", "patients", "facts", "sha256")
_NAMES = (INDEX, *(f"{name}.npy" for name in ("pixels", *_SMALL)))


@dataclass(frozen=True)
class Packed:
    """What was written."""

    out: Path
    films: int
    unreadable: list[dict[str, str]]  #: file, reason
    bytes: int
    fingerprint: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "set": str(self.out), "films": self.films, "unreadable": self.unreadable, "bytes": self.bytes,
            "fingerprint": self.fingerprint,
        }  # fmt: skip


def is_packed(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def write_set(data: DataSet, out: Path, spec: InputSpec, progress: Callable[[int], None] = lambda _: None) -> Packed:
    """Read every film of `data` and write the folder `out`; under another name until it is whole.

    Films that cannot be read are left out and listed. Raises UsageError when `out` exists or cannot be made,
    OutputError when something else is in the way of its .part, DataSetError when a class has no readable film,
    StorageError when the disk is full.
    """
    if out.exists():
        raise UsageError(f"{out} exists: choose another --out, or remove it first")
    if any(film.matrix is not None for film in data.films):
        raise UsageError("this set is packed already: pack the folder that it was made from")
    part = out.with_name(out.name + ".part")
    own = OwnFolder(part, _is_of_a_set)
    _make_empty(own)
    try:
        packed = _write(data, part, out, spec, progress)
        move(part, out)
    except OSError:
        raise StorageError(f"cannot write {out}: check the free space and the permissions, then run again") from None
    finally:
        own.remove()
    return packed


def read_set(folder: Path) -> DataSet:
    """The films of a packed set, as `load_folder` gives those of a folder: the same fingerprint, too.

    Raises DataSetError for a set that is damaged, incomplete or of another version of xscan.
    """
    index = _read_index(folder)
    arrays = {name: _load(folder, name, index) for name in ("pixels", *_SMALL)}
    spec = InputSpec.from_dict(index["input"])
    count = len(arrays["labels"])
    if arrays["pixels"].shape != (count, spec.height, spec.width) or any(len(a) != count for a in arrays.values()):
        raise _damaged(folder, INDEX)
    pixels = np.asarray(arrays["pixels"])  # still mapped; rows are plain arrays
    rows = zip(arrays["files"], arrays["patients"], arrays["folds"], arrays["facts"].tolist(), pixels, strict=True)
    return data_set(
        ListedFilm(Found(str(file), str(folder), bytes=facts[2]), str(patient), int(fold), matrix, tuple(facts))
        for file, patient, fold, facts, matrix in rows
    )


def read_facts(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays `files`, `facts` and `sha256` (above). Raises DataSetError."""
    index = _read_index(folder)
    return _load(folder, "files", index), _load(folder, "facts", index), _load(folder, "sha256", index)


def unreadable(folder: Path) -> list[dict[str, str]]:
    """file and reason of the films that could not be packed. Raises DataSetError."""
    return _read_index(folder)["unreadable"]


def _write(data: DataSet, part: Path, out: Path, spec: InputSpec, progress: Callable[[int], None]) -> Packed:
    from ..preprocess.to_input import to_input
    from ..read.apart import read_apart

    used: list[ListedFilm] = []
    facts, digests, failed = [], [], []
    matrix = np.empty((spec.height, spec.width), np.uint8)
    with (part / "pixels.npy").open("wb") as stream:
        start = _write_header(stream, (len(data.films), spec.height, spec.width))
        for number, film in enumerate(data.films, 1):
            try:
                read = read_apart(film.found)
                to_input(read.film.grey, spec, out=matrix)
            except FileProblem as problem:
                failed.append({"file": film.file, "reason": problem.reason})
            else:
                stream.write(matrix.tobytes())
                used.append(film)
                known = read.film.facts
                facts.append((known.rows, known.columns, read.size, known.bits))
                digests.append(np.frombuffer(read.sha256, np.uint8))
            progress(number)
        stream.seek(0)
        # The number of readable films is known only now; numpy leaves room for it in the header.
        assert _write_header(stream, (len(used), spec.height, spec.width)) == start
    labels = np.array([film.label for film in used], np.int64)
    for label, name in enumerate(CLASSES):
        if label not in labels:
            raise DataSetError(f"no film of class {name} can be read: check the folder with xscan data describe")
    columns = {
        "labels": labels,
        "folds": np.array([film.fold for film in used], np.int64),
        "files": np.array([film.file for film in used]),
        "patients": np.array([film.patient for film in used]),
        "facts": np.array(facts, np.int64),
        "sha256": np.stack(digests),
    }
    for name, column in columns.items():
        np.save(part / f"{name}.npy", column, allow_pickle=False)
    index: dict[str, Any] = {
        "format": FORMAT,
        "classes": CLASSES,
        "films": len(used),
        "input": spec.as_dict(),
        "data": data_set(used).fingerprint,
        "unreadable": failed,
        "sha256": {name: _digest(part / f"{name}.npy") for name in ("pixels", *_SMALL)},
    }
    index["fingerprint"] = _fingerprint(index)
    (part / INDEX).write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    size = sum(path.stat().st_size for path in part.iterdir())
    return Packed(out, len(used), failed, size, index["fingerprint"])


def _write_header(stream: BinaryIO, shape: tuple[int, ...]) -> int:
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.tell()


def _make_empty(own: OwnFolder) -> None:
    """Make the folder to write in. What an interrupted run left there goes; anything else stays and is told."""
    own.require_own()
    own.remove()
    try:
        own.path.mkdir()
    except OSError:
        raise UsageError(f"cannot make {own.path}: check that its folder exists and may be written") from None


def _is_of_a_set(path: Path) -> bool:
    if path.name not in _NAMES:
        return False
    magic = b"{" if path.name == INDEX else b"\x93NUMPY"
    with path.open("rb") as stream:
        return magic.startswith(stream.read(len(magic)))  # shorter: of a killed run


def _read_index(folder: Path) -> dict[str, Any]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if index["format"] != FORMAT or tuple(index["classes"]) != CLASSES:
            raise DataSetError(f"{folder} was packed by another version of xscan: pack it again")
        whole = index["fingerprint"] == _fingerprint(index)
    except (OSError, ValueError, KeyError, TypeError):
        raise _damaged(folder, INDEX) from None
    if not whole:
        raise _damaged(folder, INDEX)
    return index


def _load(folder: Path, name: str, index: dict[str, Any]) -> np.ndarray:
    path = folder / f"{name}.npy"
    try:
        if _digest(path) != index["sha256"][name]:
            raise _damaged(folder, path.name)
        return np.load(path, mmap_mode="r" if name == "pixels" else None, allow_pickle=False)
    except (OSError, ValueError, KeyError):
        raise _damaged(folder, path.name) from None


def _damaged(folder: Path, name: str) -> DataSetError:
    return DataSetError(f"the packed set {folder} is damaged ({name} is missing or not as packed): pack it again")


def _fingerprint(index: dict[str, Any]) -> str:
    rest = {key: value for key, value in index.items() if key != "fingerprint"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
