"""How much do scores move when nothing about the patient changes?

    python scripts/shortcuts.py MODEL.onnx DATA [--fold 9] [--originals FOLDER] [--check]

MODEL is an xscan network (ONNX with its manifest), DATA a labelled folder or packed set (as for `xscan train`),
ORIGINALS a folder with the same file names as the hospital exported them. For each change the table gives

flips    share of films whose most probable class changed
urgency  share of films that crossed the rule-out point, either way
mean     mean absolute change of the probability of pneumonia
largest  95th percentile of the same

With --check it ends with 1 where a figure is over the limit beside the change in `CHANGES`.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from xscan.engine.dataset.folder import load_folder
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.runtime.open import open_runtime


@dataclass(frozen=True)
class Change:
    name: str
    apply: Callable[[np.ndarray], np.ndarray]  #: uint8 [rows, columns] -> the same film otherwise shown
    flips: float  #: limit: share of films whose class may change
    mean: float  #: limit: mean change of the probability of pneumonia


def mask_corners(grey: np.ndarray) -> np.ndarray:
    """Black out the four corners, 15 % of each side: there stand the side markers and letters."""
    grey = grey.copy()
    h, w = (round(0.15 * side) for side in grey.shape)
    for rows in (slice(0, h), slice(-h, None)):
        for columns in (slice(0, w), slice(-w, None)):
            grey[rows, columns] = 0
    return grey


def crop(grey: np.ndarray, top: float, bottom: float, left: float, right: float) -> np.ndarray:
    rows, columns = grey.shape
    kept = grey[round(top * rows) : rows - round(bottom * rows)]
    return kept[:, round(left * columns) : columns - round(right * columns)]


def pad(grey: np.ndarray, share: float) -> np.ndarray:
    rows, columns = (round(share * side) for side in grey.shape)
    return cv2.copyMakeBorder(grey, rows, rows, columns, columns, cv2.BORDER_CONSTANT, value=0)


def jpeg(grey: np.ndarray, quality: int) -> np.ndarray:
    _, encoded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))


def half_size(grey: np.ndarray) -> np.ndarray:
    return cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def gamma(grey: np.ndarray, exponent: float) -> np.ndarray:
    curve = np.linspace(0, 1, 256) ** exponent * 255
    return cv2.LUT(grey, curve.astype(np.uint8))


CHANGES = (
    Change("corner markers masked", mask_corners, flips=0.05, mean=0.02),
    Change("borders cropped, 4 % a side", lambda g: crop(g, 0.04, 0.04, 0.04, 0.04), flips=0.08, mean=0.03),
    Change("borders cropped, 8 % a side", lambda g: crop(g, 0.08, 0.08, 0.08, 0.08), flips=0.14, mean=0.06),
    Change("black border added, 6 % a side", lambda g: pad(g, 0.06), flips=0.12, mean=0.04),
    Change("aspect: left and right cropped 8 %", lambda g: crop(g, 0, 0, 0.08, 0.08), flips=0.11, mean=0.05),
    Change("aspect: top and bottom cropped 8 %", lambda g: crop(g, 0.08, 0.08, 0, 0), flips=0.14, mean=0.1),
    Change("JPEG quality 75", lambda g: jpeg(g, 75), flips=0.02, mean=0.01),
    Change("JPEG quality 30", lambda g: jpeg(g, 30), flips=0.04, mean=0.015),
    Change("half the pixels a side", half_size, flips=0.03, mean=0.01),
    Change("gamma 0.8", lambda g: gamma(g, 0.8), flips=0.04, mean=0.015),
    Change("gamma 1.25", lambda g: gamma(g, 1.25), flips=0.04, mean=0.015),
    Change("flipped left-right", lambda g: np.ascontiguousarray(g[:, ::-1]), flips=0.07, mean=0.03),
)
ORIGINAL = Change("224 x 224 against its original", lambda g: g, flips=0.02, mean=0.01)


class Network:
    def __init__(self, path: Path) -> None:
        self.runtime = open_runtime(path)
        self.manifest = self.runtime.manifest

    def probabilities(self, films: list[np.ndarray]) -> np.ndarray:
        """uint8 films of any size -> float [films, 3]."""
        pictures = np.stack([to_input(film, self.manifest.input) for film in films])[..., None]
        logits = np.concatenate([self.runtime.run(pictures[i : i + 16]) for i in range(0, len(pictures), 16)])
        logits = logits.astype(np.float64) / self.manifest.temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def compare(network: Network, change: Change, before: np.ndarray, after: np.ndarray) -> dict[str, float | str | bool]:
    """before, after: probabilities [films, 3] of the same films."""
    moved = np.abs(after[:, 0] - before[:, 0])
    rule_out = network.manifest.rule_out.threshold
    flips = float((before.argmax(axis=1) != after.argmax(axis=1)).mean())
    return {
        "change": change.name,
        "films": len(before),
        "flips": round(flips, 6),
        "urgency": round(float(((1 - before[:, 0] < rule_out) != (1 - after[:, 0] < rule_out)).mean()), 4),
        "mean": round(float(moved.mean()), 4),
        "largest": round(float(np.quantile(moved, 0.95)), 4),
        "within": flips <= change.flips and float(moved.mean()) <= change.mean,
    }


def table(network: Network, data: Path, fold: int, originals: Path | None) -> list[dict[str, float | str | bool]]:
    """One row a change, on the films of one fold; the originals are few, so all of theirs are used."""
    listed = load_folder(data)
    for film in listed.films:
        film.require(network.manifest.input)
    films = [film.grey() for film in listed.folds([fold]).films]
    before = network.probabilities(films)
    rows = [compare(network, c, before, network.probabilities([c.apply(f) for f in films])) for c in CHANGES]
    if originals is not None:
        by_file = {film.file: film for film in listed.films}
        pairs = [(by_file[large.file], large) for large in load_folder(originals).films if large.file in by_file]
        small, large = (network.probabilities([pair[i].grey() for pair in pairs]) for i in (0, 1))
        rows.append(compare(network, ORIGINAL, small, large))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="How much do scores move when nothing about the patient changes?")
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fold", type=int, default=9)
    parser.add_argument("--originals", type=Path)
    parser.add_argument("--check", action="store_true", help="end with 1 where a limit is passed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = table(Network(options.model), options.data, options.fold, options.originals)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print("| change | films | flips | urgency | mean | largest |\n|---|---|---|---|---|---|")
        for r in rows:
            print(
                f"| {r['change']} | {r['films']} | {r['flips']:.1%} | {r['urgency']:.1%} | {r['mean']:.3f} "
                f"| {r['largest']:.3f} |" + ("" if r["within"] else " over the limit")
            )
    return int(options.check and not all(r["within"] for r in rows))


if __name__ == "__main__":
    sys.exit(main())
