"""Which films of a data set a network was trained on: figures on those say nothing of new films.

A network's manifest names the fingerprint of its data set and the folds that it was trained on. Where a set has that
fingerprint, its folds answer. Else the record of the set is asked, FINGERPRINT.films.npz beside the network or shipped
with xscan: hashes of each film's content, of its name and patient, and of its patient, with its fold. No name and no
patient can be read from it, but whoever has a film or a name can ask for it.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..disk.overwrite import made_here
from ..disk.replace import replace_bytes, replacing
from ..errors import DataSetError
from ..network import models
from .films import DataSet, ListedFilm
from .packed import read_facts

_ARRAYS = ("content", "names", "patients", "folds")
_OURS = made_here("record of films", b"PK", b"content.npy")
_SAME_SET = 0.5  #: from this share of known names on, a set holds films of the network's set in another form


@dataclass(frozen=True)
class TrainedOn:
    """What is known of a data set's films."""

    films: np.ndarray  #: bool [films]: trained on, or of a patient who was
    known: bool  #: False: the network does not say what it was trained on, or no record of that is here

    def __or__(self, other: "TrainedOn") -> "TrainedOn":
        return TrainedOn(self.films | other.films, self.known and other.known)


def trained_on(data: DataSet, whole: str, trained: Mapping[str, Any], beside: Path) -> TrainedOn:
    """Look the films up. Reads their files where only the record can tell.

    whole: fingerprint of the set that `data` was chosen from. trained: `Manifest.data`. beside: the network's folder.
    """
    folds = set(trained.get("trained_folds", ()))
    nothing = np.zeros(len(data.films), bool)
    if not folds:
        return TrainedOn(nothing, known=False)
    if whole == trained.get("fingerprint"):
        return TrainedOn(np.array([film.fold in folds for film in data.films]), known=True)
    record = _record(str(trained.get("fingerprint", "")), beside)
    if record is None:
        return TrainedOn(nothing, known=False)
    seen = np.isin(record["folds"], list(folds))
    content, names, patients = _contents(data), _hashes(data, _name), _hashes(data, _patient)
    found = np.isin(content, record["content"][seen]) & (content != 0)
    if np.isin(names, record["names"]).mean() >= _SAME_SET:
        found |= np.isin(patients, record["patients"][seen])
    return TrainedOn(found, known=True)


def write_record(data: DataSet, folder: Path) -> Path:
    """Write the record of a whole set into a network's folder. Reads every film, of a packed set its facts."""
    path = folder / record_name(data.fingerprint)
    with replacing(path, _OURS) as stream:
        np.savez_compressed(
            stream,
            content=_contents(data),
            names=_hashes(data, _name),
            patients=_hashes(data, _patient),
            folds=np.array([film.fold for film in data.films], np.uint8),
        )
    return path


def copy_record(trained: Mapping[str, Any], source: Path, folder: Path) -> None:
    """Bring the record beside a network, if there is one, to the folder of an engine made of it.

    trained: `Manifest.data`. source: the network's folder.
    """
    name = record_name(str(trained.get("fingerprint", "")))
    there, here = source / name, folder / name
    if there.is_file() and os.path.abspath(there) != os.path.abspath(here):
        replace_bytes(here, there.read_bytes(), _OURS)


def record_name(fingerprint: str) -> str:
    return f"{fingerprint[:16]}.films.npz"


def _record(fingerprint: str, beside: Path) -> dict[str, np.ndarray] | None:
    if not fingerprint:
        return None
    for place in (beside / record_name(fingerprint), Path(str(files(models) / record_name(fingerprint)))):
        if place.is_file():
            try:
                with place.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                    return {name: arrays[name] for name in _ARRAYS}
            except (OSError, ValueError, KeyError, EOFError, BadZipFile):
                raise DataSetError(f"{place} is damaged: remove it, or export the network again") from None
    return None


def _hashes(data: DataSet, of: Callable[[ListedFilm], int]) -> np.ndarray:
    return np.array([of(film) for film in data.films], np.uint64)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:8])


def _name(film: ListedFilm) -> int:
    return _hash(f"{film.file.rsplit('/', 1)[-1]}|{film.patient}")


def _patient(film: ListedFilm) -> int:
    return _hash(film.patient)


def _contents(data: DataSet) -> np.ndarray:
    """Of the files' bytes; a packed set knows them of the files that it was packed from."""
    if not data.films or data.films[0].matrix is None:
        return _hashes(data, _content)
    files, _, digests = read_facts(data.films[0].path)
    known = {str(file): int.from_bytes(digest[:8].tobytes()) for file, digest in zip(files, digests, strict=True)}
    return _hashes(data, lambda film: known.get(film.file, 0))


def _content(film: ListedFilm) -> int:
    """Of the file's bytes; 0 where there is no file of its own to read: a zip's member."""
    if film.found.member is not None:
        return 0
    try:
        with film.path.open("rb") as stream:
            return int.from_bytes(hashlib.file_digest(stream, "sha256").digest()[:8])
    except OSError:
        return 0
