"""Processor time of reading, by format, beside that of another version of xscan.

    python benchmarks/read_costs.py /path/to/other/.venv/bin/python [FORMAT ...]

Both versions run in a process of their own and read the same file in turn; shown are the least and the median of ten
times, in processor milliseconds, and the median of the ten ratios. FORMAT: part of a name in the table; default: all.
"""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from read_formats import film_like  # noqa: E402

from tests.engine.read import dicom_maker as make  # noqa: E402
from xscan.engine.read.dicom.pixels import SYNTAXES  # noqa: E402

TIMES = 10
#: Reads the files named on stdin; the version before the rooms had read_path elsewhere.
READER = """
import sys, time, cv2
cv2.setNumThreads(1)
from pathlib import Path
try:
    from xscan.engine.read.decode import read_path
except ImportError:
    from xscan.engine.read import read_path
for line in sys.stdin:
    path, began = Path(line.strip()), time.process_time()
    try:
        fate = f"{read_path(path).grey.mean():.4f}"
    except Exception as problem:
        fate = str(problem).replace(" ", "_")
    print(time.process_time() - began, fate, flush=True)
"""


class Reader:
    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, path: Path) -> tuple[float, str]:
        """Milliseconds, and the picture's mean or what was said."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        spent, fate = self._process.stdout.readline().split()
        return 1000 * float(spent), fate


def rasters(values: np.ndarray) -> Iterator[tuple[str, bytes]]:
    grey, deep = (values >> 4).astype(np.uint8), (values * 16).astype(np.uint16)
    for suffix in ("jpg", "png", "tif", "bmp", "webp"):
        yield suffix, cv2.imencode(f".{suffix}", grey)[1].tobytes()
    yield "png, 16 bit", cv2.imencode(".png", deep)[1].tobytes()
    one, colour = Image.fromarray(grey), Image.fromarray(np.stack([grey] * 3, axis=-1))
    pictures: tuple[tuple[str, Image.Image, str, dict[str, object]], ...] = (
        ("jpg, colour", colour, "JPEG", {}), ("jpg, progressive", one, "JPEG", {"progressive": True}),
        ("jpg, CMYK", colour.convert("CMYK"), "JPEG", {"quality": 90}), ("jp2", one, "JPEG2000", {}),
        ("tif, LZW", one, "TIFF", {"compression": "tiff_lzw"}), ("tif, JPEG", one, "TIFF", {"compression": "jpeg"}),
        ("tif, zlib", one, "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("tif, 16 bit", Image.fromarray(deep), "TIFF", {}),
        ("tif, CMYK, LZW", colour.convert("CMYK"), "TIFF", {"compression": "tiff_lzw"}),
    )  # fmt: skip
    for name, picture, kind, options in pictures:
        stream = BytesIO()
        picture.save(stream, kind, **options)
        yield name, stream.getvalue()


def dicoms(values: np.ndarray) -> Iterator[tuple[str, bytes]]:
    for syntax in (*make.LOSSLESS_SYNTAXES, make.JPEG_12, make.JPEG_8):
        deep = syntax != make.JPEG_8
        window: dict[str, Any] = {"WindowCenter": "2048", "WindowWidth": "4096"} if deep else {}
        shape = {"allocated": 16, "stored": 12} if deep else {"allocated": 8, "stored": 8}
        yield f"DICOM, {SYNTAXES[syntax]}", make.film(values if deep else values >> 4, syntax, **shape, **window)


def main(other: str, *wanted: str) -> None:
    before, now = Reader(other), Reader(sys.executable)
    values = film_like(1600, 1300)
    print(f"{'format':44} {'bytes':>8} {'before':>8} {'now':>8} {'median':>8} {'median':>8} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film"
        for name, content in (*rasters(values), *dicoms(values)):
            if wanted and not any(part in name for part in wanted):
                continue
            path.write_bytes(content)
            told = [(before(path), now(path)) for _ in range(TIMES + 1)][1:]
            first, second = ([each[side][0] for each in told] for side in (0, 1))
            ratio = statistics.median(b / a for a, b in zip(first, second, strict=True))
            same = "" if told[0][0][1] == told[0][1][1] else f"  {told[0][0][1]} now {told[0][1][1]}"
            print(
                f"{name:44} {len(content):8} {min(first):8.2f} {min(second):8.2f} {statistics.median(first):8.2f} "
                f"{statistics.median(second):8.2f} {ratio:6.3f}{same}",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
