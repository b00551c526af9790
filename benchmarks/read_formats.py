"""Processor milliseconds a file that reading takes, for each format, beside the bare decoder's own.

    python benchmarks/read_formats.py [--rows 2500 --columns 2000] [--films DIR]

Bare: a file (in the page cache) to an 8-bit picture by the fewest calls: read, the decoder and, over 8 bits, one table
over the pixels. xscan: the same file with sniffing, header, skip rules, completeness and grey scale. The two alternate,
and the median of each is shown. Processor time, so that a busy machine does not spoil it. --films: a folder of JPEGs.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.engine.read import dicom_maker as make  # noqa: E402
from xscan.engine.read.decode import read_path  # noqa: E402
from xscan.engine.read.dicom.header import parse  # noqa: E402
from xscan.engine.read.dicom.pixels import SYNTAXES, _frame  # noqa: E402
from xscan.engine.read.look_up import look_up  # noqa: E402

TABLE = np.minimum(np.arange(65_536) // 16, 255).astype(np.uint8)


def film_like(rows: int, columns: int) -> np.ndarray:
    """12-bit values with a film's smoothness and noise: int64 [rows, columns]."""
    smooth = make.phantom(rows, columns, bits=12) * 0.95
    noise = np.random.default_rng(5).normal(0, 12, (rows, columns))
    return np.clip(smooth + noise, 0, 4095).astype(np.int64)


def pair(bare: Callable[[], object], full: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Median milliseconds of both, run in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    bare()
    full()
    end = time.process_time() + seconds
    while time.process_time() < end or len(times[0]) < 5:
        for call, spent in zip((bare, full), times, strict=True):
            began = time.process_time()
            call()
            spent.append((time.process_time() - began) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


Case = tuple[str, bytes, Callable[[bytes], object]]


def dicom_cases(values: np.ndarray) -> list[Case]:
    """(name, file, bare decoding of the file's content)."""
    rows, columns = values.shape
    cases: list[Case] = []
    decoders = {
        make.RLE: lambda frame: raw(imagecodecs.dicomrle_decode(frame, np.dtype("<u2")), 0),
        make.JPEG_12: lambda frame: look_up(TABLE, imagecodecs.jpeg8_decode(frame)),
        make.LOSSLESS: lambda frame: look_up(TABLE, imagecodecs.jpeg8_decode(frame)),
        make.LOSSLESS_SV1: lambda frame: look_up(TABLE, imagecodecs.jpeg8_decode(frame)),
        make.LS: lambda frame: look_up(TABLE, imagecodecs.jpegls_decode(frame)),
        make.LS_NEAR: lambda frame: look_up(TABLE, imagecodecs.jpegls_decode(frame)),
        make.J2K: lambda frame: look_up(TABLE, imagecodecs.jpeg2k_decode(frame)),
        make.J2K_LOSSY: lambda frame: look_up(TABLE, imagecodecs.jpeg2k_decode(frame)),
        make.HTJ2K: lambda frame: look_up(TABLE, imagecodecs.jpeg2k_decode(frame)),
        make.JPEG_8: lambda frame: cv2.imdecode(np.frombuffer(frame, np.uint8), 0),
    }

    def raw(content: bytes | bytearray, start: int) -> object:
        return look_up(TABLE, np.frombuffer(content, "<u2", rows * columns, start).reshape(rows, columns))

    for syntax in (make.IMPLICIT, make.EXPLICIT, *decoders):
        deep = syntax != make.JPEG_8
        window: dict[str, Any] = {"WindowCenter": "2048", "WindowWidth": "4096"} if deep else {}
        content = make.film(
            values if deep else values >> 4, syntax, allocated=16 if deep else 8, stored=12 if deep else 8, **window
        )
        start = parse(content, 1 << 30).elements[0x7FE00010].start
        if syntax in decoders:
            at = content.index(frame := _frame(content, start, "<"), start)
            bare = lambda c, d=decoders[syntax], a=at, n=len(frame): d(c[a : a + n])  # noqa: E731
        else:
            bare = lambda c, s=start: raw(c, s)  # noqa: E731
        cases.append((f"DICOM {syntax} {SYNTAXES[syntax]}", content, bare))
    return cases


def deep_png(content: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), 2)
    assert pixels is not None
    return look_up(TABLE, pixels)


def raster_cases(values: np.ndarray) -> list[Case]:
    grey = (values >> 4).astype(np.uint8)
    cases: list[Case] = []
    for suffix in ("jpg", "png", "tif", "bmp", "webp"):
        content = cv2.imencode(f".{suffix}", grey)[1].tobytes()
        cases.append((suffix, content, lambda c: cv2.imdecode(np.frombuffer(c, np.uint8), 0)))
    deep = cv2.imencode(".png", (values * 16).astype(np.uint16))[1].tobytes()
    cases.append(("png, 16 bit", deep, deep_png))
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=2500)
    parser.add_argument("--columns", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each format")
    parser.add_argument("--films", type=Path, help="a folder of JPEGs, read once each instead of a phantom")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    values = film_like(arguments.rows, arguments.columns)
    print(f"{'format':68} {'bytes':>8} {'bare':>8} {'xscan':>8} {'more':>6}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film"
        for name, content, bare in [*raster_cases(values), *dicom_cases(values)]:
            path.write_bytes(content)
            alone, full = pair(lambda b=bare: b(path.read_bytes()), lambda: read_path(path), arguments.seconds)
            show(name, len(content), alone, full)
    if arguments.films:
        paths = sorted(arguments.films.rglob("*.jp*g"))[:300]

        def bare_all() -> None:
            for path in paths:
                cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), 0)

        def full_all() -> None:
            for path in paths:
                read_path(path)

        alone, full = (spent / len(paths) for spent in pair(bare_all, full_all, arguments.seconds * 3))
        show(f"{len(paths)} films", sum(path.stat().st_size for path in paths) // len(paths), alone, full)


def show(name: str, size: int, alone: float, full: float) -> None:
    print(f"{name:68} {size:8} {alone:8.2f} {full:8.2f} {full / alone - 1:6.1%}", flush=True)


if __name__ == "__main__":
    main()
