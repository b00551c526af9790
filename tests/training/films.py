"""Small labelled films for networks to learn, drawn."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from xscan.engine import CLASSES

Draw = Callable[[np.random.Generator, int], np.ndarray]


def labelled(folder: Path, each: int, draw: Draw, row: Callable[[str, int], str], columns: str = "") -> Path:
    """A folder with a folder a class, `each` films in it, and its CSV beside it; returns the folder.

    draw: a film of the class of that number. row: what the CSV says of a class's film of that number, behind its name.
    """
    rng = np.random.default_rng(0)
    lines = ["file,patient,fold" + columns]
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            cv2.imwrite(str(folder / name / f"{i}.png"), draw(rng, label))
            lines.append(f"{name}/{i}.png,{row(name, i)}")
    folder.with_suffix(".csv").write_text("\n".join(lines))
    return folder


def striped(side: int) -> Draw:
    """Noise with a bright band that says the class: side x side, uint8."""

    def draw(rng: np.random.Generator, label: int) -> np.ndarray:
        picture, band = rng.integers(0, 60, (side, side), np.uint8), side // 3
        picture[:, label * band : (label + 1) * band] += 150
        return picture

    return draw


def noise(rng: np.random.Generator, label: int) -> np.ndarray:
    """Nothing but noise, whatever the class: 40 x 40, uint8."""
    return rng.integers(0, 256, (40, 40), np.uint8)
