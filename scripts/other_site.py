"""What if another site's normals look a little different, and its pneumonias do not?

    python scripts/other_site.py MODEL.onnx [MODEL.onnx ...] DATA [--fold 9]

Normals and pneumonias of one hospital differ in more than disease: how films are framed, how they are processed. Each
change is made to the normals alone: the share of them then called pneumonia, and the ROC AUC of normal against
pneumonia. A network that leans on the lungs keeps both.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from shortcuts import Network, crop, gamma, half_size, jpeg

from xscan.calibration.statistics.metrics import roc_auc
from xscan.engine.dataset.folder import load_folder


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


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as they are": lambda g: g,
    "top and bottom cropped 4 %": lambda g: crop(g, 0.04, 0.04, 0, 0),
    "top and bottom cropped 6 %": lambda g: crop(g, 0.06, 0.06, 0, 0),
    "top and bottom cropped 8 %": lambda g: crop(g, 0.08, 0.08, 0, 0),
    "top cropped 10 %": lambda g: crop(g, 0.1, 0, 0, 0),
    "bottom cropped 10 %": lambda g: crop(g, 0, 0.1, 0, 0),
    "left and right cropped 6 %": lambda g: crop(g, 0, 0, 0.06, 0.06),
    "9 % larger": lambda g: moved(g, zoom=1.09),
    "8 % smaller": lambda g: moved(g, zoom=0.92),
    "turned 6 degrees": lambda g: moved(g, angle=6),
    "moved down 6 %": lambda g: moved(g, down=0.06),
    "moved right 6 %": lambda g: moved(g, across=0.06),
    "gamma 0.6": lambda g: gamma(g, 0.6),
    "gamma 1.7": lambda g: gamma(g, 1.7),
    "contrast 0.7": lambda g: contrast(g, 0.7),
    "contrast 1.4": lambda g: contrast(g, 1.4),
    "local contrast (CLAHE, limit 2)": lambda g: cv2.createCLAHE(2.0, (8, 8)).apply(g),
    "sharpened": sharpened,
    "blurred, sigma 2": lambda g: cv2.GaussianBlur(g, (0, 0), 2),
    "half the pixels a side": half_size,
    "JPEG quality 20": lambda g: jpeg(g, 20),
    "darker above, brighter below": darker_above,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("data", type=Path)
    parser.add_argument("--fold", type=int, default=9)
    options = parser.parse_args()
    networks, data = [Network(model) for model in options.models], load_folder(options.data).folds([options.fold])
    for film in data.films:
        for network in networks:
            film.require(network.manifest.input)
    normals, others = ([f.grey() for f in data.films if (f.label == 0) == normal] for normal in (True, False))
    sick = [1 - network.probabilities(others)[:, 0] for network in networks]
    truth = np.repeat([False, True], [len(normals), len(others)])
    print("| normals | " + " | ".join(f"{n.manifest.name}@{n.manifest.version}: called, AUC" for n in networks) + " |")
    print("| --- |" + " ---: |" * len(networks))
    rows = []
    for name, change in CHANGES.items():
        changed, row = [change(film) for film in normals], []
        for network, p_sick in zip(networks, sick, strict=True):
            p = network.probabilities(changed)
            row.append(((p.argmax(axis=1) != 0).mean(), roc_auc(truth, np.concatenate([1 - p[:, 0], p_sick]))))
        rows.append(row)
        print(f"| {name} | " + " | ".join(f"{called:.1%}, {auc:.3f}" for called, auc in row) + " |", flush=True)
    print("| mean | " + " | ".join(f"{called:.1%}, {auc:.4f}" for called, auc in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    main()
