"""How far apart are content hashes of different films, and of a film and its copy made elsewhere?

    python scripts/near_copies.py DATA [--every 13]

DATA is a labelled folder or a packed set. The first table counts the pairs of films within a radius; the
second gives quantiles of the distance between a film and the same film changed, for every 13th film. The
radius of training/copies.py stands between the two (docs/data.md).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from xscan.engine.dataset import load_folder
from xscan.engine.errors import FileProblem
from xscan.training.copies import close_pairs
from xscan.training.survey import content_hash

RADII = (0, 4, 8, 10, 12, 14, 16, 20)


def jpeg(grey: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_GRAYSCALE))


def gamma(grey: np.ndarray, exponent: float) -> np.ndarray:
    return cv2.LUT(grey, (np.linspace(0, 1, 256) ** exponent * 255).astype(np.uint8))


def crop(grey: np.ndarray) -> np.ndarray:
    rows, columns = (round(0.02 * side) for side in grey.shape)
    return np.ascontiguousarray(grey[rows:-rows, columns:-columns])


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "JPEG quality 50": jpeg,
    "half the pixels a side": lambda g: cv2.resize(g, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "gamma 0.8": lambda g: gamma(g, 0.8),
    "gamma 1.25": lambda g: gamma(g, 1.25),
    "contrast 0.9, brightness +10": lambda g: cv2.convertScaleAbs(g, alpha=0.9, beta=10),
    "borders cropped, 2 % a side": crop,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Distances of content hashes: different films, changed copies.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=13, help="change each such film")
    options = parser.parse_args()
    hashes, distances = [], []
    for i, film in enumerate(load_folder(options.data).films):
        try:
            grey = film.grey()
        except FileProblem:
            continue
        hashes.append(content_hash(grey))
        if i % options.every == 0:
            changed = np.stack([content_hash(change(grey)) for change in CHANGES.values()])
            distances.append(np.bitwise_count(changed ^ hashes[-1]).sum(axis=1))

    found = np.array([bits for *_, bits in close_pairs(np.stack(hashes), max(RADII))])
    print(f"{len(hashes)} films\n\n| within | pairs |\n|---|---|")
    for radius in RADII:
        print(f"| {radius} | {(found <= radius).sum()} |")
    print(f"\n| change of {len(distances)} films | median | 99 % | most |\n|---|---|---|---|")
    for name, bits in zip(CHANGES, np.array(distances).T, strict=True):
        print(f"| {name} | {np.median(bits):.0f} | {np.quantile(bits, 0.99):.0f} | {bits.max()} |")


if __name__ == "__main__":
    main()
