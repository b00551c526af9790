"""How far apart are content hashes of different films, and of a film and its copy made elsewhere?

    python scripts/near_copies.py DATA [--every 13]

DATA is a labelled folder or a packed set. The first table counts the pairs of films within a radius, and gives
the likeness of the pair that is most alike without being the same picture; the second compares every 13th
film with itself changed. The limits of training/data/copies.py stand between the two (docs/data.md).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from xscan.engine.dataset.folder import load_folder
from xscan.engine.errors import FileProblem
from xscan.training.data.copies import close_pairs, likeness
from xscan.training.data.survey import content_hash, thumb

RADII = (0, 4, 8, 10, 12, 14, 16, 20)
SAME = 0.9999  #: likeness of copies that are the same picture


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
    hashes, thumbs, distances, likenesses = [], [], [], []
    for i, film in enumerate(load_folder(options.data).films):
        try:
            grey = film.grey()
        except FileProblem:
            continue
        hashes.append(content_hash(grey))
        thumbs.append(thumb(grey))
        if i % options.every == 0:
            changed = [change(grey) for change in CHANGES.values()]
            distances.append([np.bitwise_count(content_hash(film) ^ hashes[-1]).sum() for film in changed])
            likenesses.append([likeness(thumb(film), thumbs[-1]) for film in changed])

    pairs = [(bits, likeness(thumbs[i], thumbs[j])) for i, j, bits in close_pairs(np.stack(hashes), max(RADII))]
    print(
        f"{len(hashes)} films\n\n| bits | pairs | same picture | likeness of the others, at most |\n|---|---|---|---|"
    )
    for radius in RADII:
        inside = [alike for bits, alike in pairs if bits <= radius]
        others = [alike for alike in inside if alike < SAME]
        most = f"{max(others):.4f}" if others else ""
        print(f"| {radius} | {len(inside)} | {len(inside) - len(others)} | {most} |")
    print(
        f"\n| change of {len(distances)} films | bits, median | 99 % | most | least likeness |\n|---|---|---|---|---|"
    )
    for name, bits, alike in zip(CHANGES, np.array(distances).T, np.array(likenesses).T, strict=True):
        quantiles = f"{np.median(bits):.0f} | {np.quantile(bits, 0.99):.0f} | {bits.max()}"
        print(f"| {name} | {quantiles} | {alike.min():.4f} |")


if __name__ == "__main__":
    main()
