"""Folders of films to measure on, made once and kept under build/bench: nothing of them comes from a patient
unless the hospital's originals are given."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from measure import ROOT, SCRATCH

sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
from kill_test import spread  # noqa: E402

from tests.engine.read import dicom_maker as make  # noqa: E402
from xscan.engine import CLASSES  # noqa: E402
from xscan.engine.phantom.draw import draw  # noqa: E402

DISTINCT = 24  #: films drawn; a folder holds hard links to them
ORIGINALS = ROOT.parent / "shared" / "data" / "originals"

Encode = Callable[[np.ndarray], bytes]


def film_like(number: int, rows: int, columns: int) -> np.ndarray:
    """A phantom with a detector's noise: 12-bit values, int64 [rows, columns]."""
    small = draw(CLASSES[number % 3], number, 500, 650).astype(np.float32)
    values = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(number).normal(0, 24, values.shape)
    return np.clip(values + noise, 0, 4095).astype(np.int64)


def jpeg(values: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", (values >> 4).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 93])[1].tobytes()


def png(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", (values >> 4).astype(np.uint8))[1].tobytes()


def dicom(syntax: str) -> Encode:
    return lambda values: make.film(values, syntax, allocated=16, stored=12, WindowCenter="2048", WindowWidth="4096")


FORMATS: dict[str, Encode] = {
    "JPEG": jpeg,
    "PNG": png,
    "DICOM, uncompressed": dicom(make.EXPLICIT),
    "DICOM, JPEG lossless": dicom(make.LOSSLESS_SV1),
    "DICOM, JPEG-LS": dicom(make.LS),
    "DICOM, RLE": dicom(make.RLE),
    "DICOM, JPEG 2000 lossless": dicom(make.J2K),
}


def films(name: str, encode: Encode, rows: int, columns: int, count: int, distinct: int = DISTINCT) -> Path:
    """A folder of `count` files of one format and size."""
    sources = SCRATCH / f"{name}-sources"
    sources.mkdir(parents=True, exist_ok=True)
    for number in range(distinct):
        path = sources / f"{number:03d}{'.jpg' if encode is jpeg else ''}"
        if not path.exists():
            path.write_bytes(encode(film_like(number, rows, columns)))
    return linked(sources, f"{name}-{count}", count)


def linked(sources: Path, name: str, count: int) -> Path:
    """`count` hard links to the files under `sources`."""
    folder = SCRATCH / name
    done = SCRATCH / f"{name}.done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        spread(sources, folder, count)
        done.touch()
    return folder


def jpeg_films(count: int) -> Path:
    """1300 x 1000 JPEGs of some 190 KB."""
    return films("jpeg-1300x1000", jpeg, 1000, 1300, count)


def originals(count: int, source: Path = ORIGINALS) -> Path | None:
    """The hospital's 240 originals, repeated; None where they are not."""
    return linked(source, f"originals-{count}", count) if source.is_dir() else None
