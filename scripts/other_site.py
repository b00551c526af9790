"""What if another site's films of one kind look a little different, and those of the other do not?

    python scripts/other_site.py MODEL.onnx [MODEL.onnx ...] DATA [--fold 9 | --all] [--changed normals|pneumonias]

Normals and pneumonias of one hospital differ in more than disease: how films are framed, how they are processed, which
letters lie on them. Each change is made to the normals alone, or to the pneumonias alone: the share of them then called
wrongly, and the ROC AUC of normal against pneumonia. A network that leans on the lungs keeps both.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from shortcuts import Network, crop, gamma, half_size, jpeg, mask_corners

from xscan.calibration.statistics.metrics import roc_auc
from xscan.engine.dataset.folder import load_folder
from xscan.training.fit.exchange import low_waves, quantiles, with_levels, with_spectrum


def moved(
    grey: np.ndarray, *, angle: float = 0, zoom: float = 1, across: float = 0, down: float = 0
) -> np.ndarray:  # degrees; shares of width and height
    rows, columns = grey.shape
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle, zoom)
    matrix[:, 2] += across * columns, down * rows
    return cv2.warpAffine(grey, matrix, (columns, rows), flags=cv2.INTER_LINEAR)


def contrast(grey: np.ndarray, factor: float) -> np.ndarray:
    return np.clip((grey.astype(float) - 127) * factor + 127, 0, 255).astype(np.uint8)


def sharpened(grey: np.ndarray) -> np.ndarray:
    return np.clip(2.0 * grey - cv2.GaussianBlur(grey, (0, 0), 3), 0, 255).astype(np.uint8)


def darker_above(grey: np.ndarray) -> np.ndarray:
    return np.clip(grey * np.linspace(0.8, 1.1, len(grey))[:, None], 0, 255).astype(np.uint8)


def saturated(grey: np.ndarray, share: float) -> np.ndarray:
    """As much brighter, by a factor, as makes this share of the pixels white."""
    return np.clip(grey * (255 / max(np.quantile(grey, 1 - share), 1)), 0, 255).astype(np.uint8)


def letter(grey: np.ndarray) -> np.ndarray:
    """A large white R at the upper left."""
    rows, columns = grey.shape
    place, size = (round(0.05 * columns), round(0.16 * rows)), rows / 224
    return cv2.putText(grey.copy(), "R", place, cv2.FONT_HERSHEY_SIMPLEX, size, 255, max(1, round(2 * size)))


def other_corner(grey: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The upper left corner, 18 % of each side, of a film of the other kind."""
    rows, columns = (round(0.18 * side) for side in grey.shape)
    changed = grey.copy()
    changed[:rows, :columns] = cv2.resize(other, grey.shape[::-1], interpolation=cv2.INTER_AREA)[:rows, :columns]
    return changed


#: the second film is of the other kind, and is another for each film
CHANGES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "as they are": lambda g, _: g,
    "grey levels of the other kind": lambda g, other: with_levels(g, quantiles(other), 1),
    "half way to these grey levels": lambda g, other: with_levels(g, quantiles(other), 0.5),
    "low frequencies of the other kind": lambda g, other: with_spectrum(g, np.abs(low_waves(other)), 1),
    "5 % of pixels white": lambda g, _: saturated(g, 0.05),
    "brightest pixels at 215": lambda g, _: (g * (215 / 255)).astype(np.uint8),
    "R at the upper left": lambda g, _: letter(g),
    "upper left corner of the other kind": other_corner,
    "corners black": lambda g, _: mask_corners(g),
    "top and bottom cropped 4 %": lambda g, _: crop(g, 0.04, 0.04, 0, 0),
    "top and bottom cropped 6 %": lambda g, _: crop(g, 0.06, 0.06, 0, 0),
    "top and bottom cropped 8 %": lambda g, _: crop(g, 0.08, 0.08, 0, 0),
    "top cropped 10 %": lambda g, _: crop(g, 0.1, 0, 0, 0),
    "bottom cropped 10 %": lambda g, _: crop(g, 0, 0.1, 0, 0),
    "left and right cropped 6 %": lambda g, _: crop(g, 0, 0, 0.06, 0.06),
    "9 % larger": lambda g, _: moved(g, zoom=1.09),
    "8 % smaller": lambda g, _: moved(g, zoom=0.92),
    "turned 6 degrees": lambda g, _: moved(g, angle=6),
    "moved down 6 %": lambda g, _: moved(g, down=0.06),
    "moved right 6 %": lambda g, _: moved(g, across=0.06),
    "gamma 0.6": lambda g, _: gamma(g, 0.6),
    "gamma 1.7": lambda g, _: gamma(g, 1.7),
    "contrast 0.7": lambda g, _: contrast(g, 0.7),
    "contrast 1.4": lambda g, _: contrast(g, 1.4),
    "local contrast (CLAHE, limit 2)": lambda g, _: cv2.createCLAHE(2.0, (8, 8)).apply(g),
    "sharpened": lambda g, _: sharpened(g),
    "blurred, sigma 2": lambda g, _: cv2.GaussianBlur(g, (0, 0), 2),
    "half the pixels a side": lambda g, _: half_size(g),
    "JPEG quality 20": lambda g, _: jpeg(g, 20),
    "darker above, brighter below": lambda g, _: darker_above(g),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("data", type=Path)
    parser.add_argument("--fold", type=int, default=9)
    parser.add_argument("--all", action="store_true", help="all films of DATA, not one fold: a set without folds")
    parser.add_argument("--changed", choices=("normals", "pneumonias"), default="normals")
    options = parser.parse_args()
    networks, data = [Network(model) for model in options.models], load_folder(options.data)
    if not options.all:
        data = data.folds([options.fold])
    for film in data.films:
        for network in networks:
            film.require(network.manifest.input)
    sick = options.changed == "pneumonias"
    films, others = ([f.grey() for f in data.films if (f.label > 0) == kind] for kind in (sick, not sick))
    drawn = np.random.default_rng(0).integers(len(others), size=len(films))
    rest = [1 - network.probabilities(others)[:, 0] for network in networks]
    truth = np.repeat([sick, not sick], [len(films), len(others)])
    wrongly = "missed" if sick else "called"
    names = " | ".join(f"{n.manifest.name}@{n.manifest.version}: {wrongly}, AUC" for n in networks)
    print(f"| {options.changed} | {names} |")
    print("| --- |" + " ---: |" * len(networks))
    rows = []
    for name, change in CHANGES.items():
        changed, row = [change(film, others[i]) for film, i in zip(films, drawn, strict=True)], []
        for network, p_rest in zip(networks, rest, strict=True):
            p = network.probabilities(changed)
            wrong = ((p.argmax(axis=1) != 0) != sick).mean()
            row.append((wrong, roc_auc(truth, np.concatenate([1 - p[:, 0], p_rest]))))
        rows.append(row)
        print(f"| {name} | " + " | ".join(f"{wrong:.1%}, {auc:.3f}" for wrong, auc in row) + " |", flush=True)
    print("| mean | " + " | ".join(f"{wrong:.1%}, {auc:.4f}" for wrong, auc in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    main()
