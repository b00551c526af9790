"""What decoding JPEG 2000 at reduced resolution would change: a film's time, the network's input, the probability.

    python scripts/reduced_jpeg2000.py FILMS [--count 60] [--engine NAME]      (needs Pillow, which has the option)

Each film is encoded without loss, and decoded whole and at a half and a quarter of its size, where that is not below
the network's square. A coefficient of the wavelet's low band stands at every second pixel and not between two, so the
reduced picture lies up and to the left by half a pixel, at a quarter by one and a half; `moved` puts it back by
bilinear interpolation. The contract for such a shortcut: at most 2 grey levels of an input, at most 0.01 of a
probability.
"""

import argparse
import io
import sys
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from xscan.engine.errors import FileProblem
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.read.decode import read_path
from xscan.engine.runtime.open import find_engine, open_runtime
from xscan.engine.triage.odds import probabilities

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
from measure import table

WAYS = {"whole": 0, "half": 1, "half, moved": 1, "quarter": 2, "quarter, moved": 2}  #: halvings of each axis


def encoded(grey: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "JPEG2000", irreversible=False)
    return buffer.getvalue()


def reduced(stream: bytes, halvings: int) -> np.ndarray:
    """uint8 [rows, columns]."""
    with Image.open(io.BytesIO(stream)) as image:
        image.reduce = halvings  # pyright: ignore[reportAttributeAccessIssue]
        return np.asarray(image)


def moved(grey: np.ndarray, halvings: int) -> np.ndarray:
    by = 0.5 - 0.5 / 2**halvings
    to_source = np.array([[1, 0, by], [0, 1, by]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(grey, to_source, grey.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--engine", default="compact")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    runtime = open_runtime(find_engine(options.engine))
    spec = runtime.manifest.input
    levels: dict[str, list[int]] = defaultdict(list)
    inputs: dict[str, list[np.ndarray]] = defaultdict(list)
    spent: dict[str, list[float]] = defaultdict(list)
    paths = sorted(path for path in options.films.rglob("*") if path.is_file())
    for path in paths[:: max(1, len(paths) // options.count)]:
        try:
            film = read_path(path).grey
        except FileProblem:
            continue
        film = film[: film.shape[0] // 4 * 4, : film.shape[1] // 4 * 4].copy()  # else Pillow mistakes the reduced size
        if min(film.shape) < 4 * max(spec.height, spec.width):
            continue
        stream = encoded(film)
        for way, halvings in WAYS.items():
            began = time.process_time()
            grey = reduced(stream, halvings)
            grey = moved(grey, halvings) if way.endswith("moved") else grey
            picture = to_input(grey, spec)
            spent[way].append(1000 * (time.process_time() - began))
            levels[way].append(int(np.abs(picture.astype(int) - to_input(film, spec)).max()))
            inputs[way].append(picture)
    p = {way: probabilities(runtime.run(np.stack(these)[..., None]), runtime.manifest.temperature)
         for way, these in inputs.items()}  # fmt: skip
    print(f"{len(levels['whole'])} films, input {spec.height} x {spec.width}\n")
    header = ("decoded", "processor ms", "most grey levels", "films over 2", "most of a probability")
    print(table(header, (
        [way, float(np.median(spent[way])), max(levels[way]), sum(most > 2 for most in levels[way]),
         f"{np.abs(p[way] - p['whole']).max():.4f}"]
        for way in WAYS
    )))  # fmt: skip


if __name__ == "__main__":
    main()
