"""Pictures of what films exchange in training, of phantoms: docs/exchange.png.

python scripts/exchange_figure.py [--out docs/exchange.png]
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from xscan.engine.phantom.draw import draw
from xscan.training.fit.augment import Augmentation, augment
from xscan.training.fit.exchange import Pool
from xscan.training.recipes.default import CHANGED

SIDE = 160  #: pixels, of each picture
STILL = Augmentation(
    rotation=0, scale=0, aspect=0, shift=0, flip=0, gamma=0, contrast=0, brightness=0, blur=0, jpeg=0, noise=0
)
COLUMNS = {
    "as drawn": STILL,
    "levels": replace(STILL, levels=1.0),
    "spectrum": replace(STILL, spectrum=1.0),
    "corner": replace(STILL, corner=1.0),
    "window": replace(STILL, crop=CHANGED.crop),
    "all of the recipe": CHANGED,
    "all, once more": CHANGED,
}


def phantoms() -> np.ndarray:
    """uint8 [12, SIDE, SIDE], as devices of different taste might show them."""
    films = []
    for seed in range(12):
        grey = draw(("normal", "bacteria", "virus")[seed % 3], seed, SIDE, SIDE) / 4095
        film = np.clip(255 * grey ** (0.6 + 0.1 * (seed % 8)) * (0.75 + 0.1 * (seed % 4)), 0, 255).astype(np.uint8)
        if seed % 2:
            cv2.putText(film, "R", (6, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 240, 2)
        films.append(film)
    return np.stack(films)


def main() -> None:
    parser = argparse.ArgumentParser(description="Pictures of what films exchange in training.")
    parser.add_argument("--out", type=Path, default=Path("docs/exchange.png"))
    options = parser.parse_args()
    films = phantoms()
    pool = Pool(films)
    sheet = []
    for row, film in enumerate(films[:3]):
        seen = [
            augment(film, kinds, np.random.default_rng((row, column)), pool=pool)
            for column, kinds in enumerate(COLUMNS.values())
        ]
        sheet.append(np.hstack([np.pad(picture, 2, constant_values=255) for picture in seen]))
    title = np.full((22, sheet[0].shape[1]), 255, np.uint8)
    for column, name in enumerate(COLUMNS):
        cv2.putText(title, name, (column * (SIDE + 4) + 4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 1, cv2.LINE_AA)
    cv2.imwrite(str(options.out), np.vstack([title, *sheet]), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
