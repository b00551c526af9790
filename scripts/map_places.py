"""Where do class maps find what they find: in the lungs, or at the film's edge?

    python scripts/map_places.py MODEL.onnx [MODEL.onnx ...] DATA [--fold 9 | --all]

Of films called pneumonia, the evidence for it, of films called normal, the evidence for that: the share of it on the
outer tenth of the film, and outside a rough box around the lungs, mean over films, beside the share of the area there.
A cell's evidence counts evenly over its pixels: maps are coarse, and a cell that is half in a box counts half.
"""

import argparse
from pathlib import Path

import numpy as np
from shortcuts import Network

from xscan.engine.dataset.folder import load_folder
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.triage.odds import log_odds

#: top, bottom, left, right, as shares of the sides. Lungs fill the second, with a margin, on nearly all films here.
BOXES = {"outer tenth": (0.1, 0.9, 0.1, 0.9), "outside the lung box": (0.12, 0.85, 0.10, 0.90)}


def shares(evidence: np.ndarray, box: tuple[float, float, float, float]) -> tuple[float, float]:
    """Of float [rows, columns], all at or above 0: the share outside the box, and the share of the area there."""

    def covered(cells: int, begin: float, end: float) -> np.ndarray:
        edges = np.arange(cells + 1) / cells
        return np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin), 0, None) * cells

    rows, columns = evidence.shape
    inside = covered(rows, *box[:2])[:, None] * covered(columns, *box[2:])
    total = evidence.sum()
    return (float(1 - (evidence * inside).sum() / total) if total else 0.0), float(1 - inside.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("data", type=Path)
    parser.add_argument("--fold", type=int, default=9)
    parser.add_argument("--all", action="store_true", help="all films of DATA, not one fold: a set without folds")
    options = parser.parse_args()
    data = load_folder(options.data)
    if not options.all:
        data = data.folds([options.fold])
    films = [film.grey() for film in data.films]
    print("| model | films called | number | " + " | ".join(f"{name} | of the area" for name in BOXES) + " |")
    print("| --- | --- |" + " ---: |" * (1 + 2 * len(BOXES)))
    for path in options.models:
        network = Network(path)
        pictures = np.stack([to_input(film, network.manifest.input) for film in films])[..., None]
        parts = [network.runtime.outputs(np.ascontiguousarray(pictures[i : i + 16])) for i in range(0, len(films), 16)]
        logits, maps = (np.concatenate([part[name] for part in parts]) for name in ("logits", "maps"))
        sick = log_odds(logits, 1) >= 0
        for called, sign in (("pneumonia", 1), ("normal", -1)):
            here = np.flatnonzero(sick == (sign > 0))
            evidence = np.maximum(sign * log_odds(maps[here], 1), 0)
            means = [np.mean([shares(e, box) for e in evidence], axis=0) for box in BOXES.values()]
            figures = " | ".join(f"{share:.3f}" for share in np.concatenate(means))
            print(
                f"| {network.manifest.name}@{network.manifest.version} | {called} | {len(here)} | {figures} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
