"""How much of what a network says is a film's shape? Films are squashed to a square, and shape goes with the label.

    python scripts/shape.py MODEL.onnx DATA [--fold 9]

Crops the top and the bottom of normals alone, as a site does that frames its films more tightly, and leaves pneumonias
as they are: the share of normals then called pneumonia, and the ROC AUC of normal against pneumonia.
"""

import argparse
from pathlib import Path

import numpy as np
from shortcuts import Network, crop

from xscan.engine.dataset import load_folder
from xscan.training.metrics import roc_auc

CROPS = (0.0, 0.04, 0.06, 0.08, 0.10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fold", type=int, default=9)
    options = parser.parse_args()
    network, data = Network(options.model), load_folder(options.data).folds([options.fold])
    for film in data.films:
        film.require(network.manifest.input)
    normals, others = ([f.grey() for f in data.films if (f.label == 0) == normal] for normal in (True, False))
    sick = 1 - network.probabilities(others)[:, 0]
    truth = np.repeat([False, True], [len(normals), len(others)])
    print("| top and bottom of normals cropped | called pneumonia | ROC AUC |\n| --- | ---: | ---: |")
    for share in CROPS:
        p = network.probabilities([crop(film, share, share, 0, 0) for film in normals])
        auc = roc_auc(truth, np.concatenate([1 - p[:, 0], sick]))
        print(f"| {100 * share:.0f} % | {100 * (p.argmax(axis=1) != 0).mean():.1f} % | {auc:.3f} |")


if __name__ == "__main__":
    main()
