"""Do all networks of a recipe build at their own size and take a training step at a small one, and at what cost?

    python scripts/study_networks.py [--recipe study] [--size 96] [--batch 32] [--films 4172]

For each: parameters at the architecture's own size; the same at --size; seconds that one core works on a step
(the second one: the first traces the graph), and from it minutes for an epoch of so many films. Ends with 1 where a
network cannot be built or its loss is not a number. Some networks need at least 96 x 96.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import keras
import numpy as np

from xscan.engine import CLASSES
from xscan.training.architectures import architecture
from xscan.training.sweep.recipe import read_recipe
from xscan.training.train import compiled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="study")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--films", type=int, default=4172, help="of an epoch")
    options = parser.parse_args()
    recipe = read_recipe(options.recipe)
    print(f"{'network':<22} {'parameters':>12} {f'at {options.size}':>12} {'step s':>8} {'epoch min':>9} {'loss':>7}")
    minutes: list[float] = []
    failed = 0
    for name, settings in recipe.networks.items():
        network = architecture(settings.architecture)
        with keras.StatelessScope(initialize_variables=False):  # no weights: those of VGG-16 take 660 MB
            parameters = network.build(network.size, network.size, settings.options).count_params()
        keras.utils.clear_session()
        model = compiled(network.build(options.size, options.size, settings.options), settings, steps=100)
        pictures = np.random.default_rng(0).integers(0, 256, (options.batch, options.size, options.size, 1), np.uint8)
        targets = np.eye(len(CLASSES), dtype=np.float32)[np.arange(options.batch) % len(CLASSES)]
        model.train_on_batch(pictures, targets)
        began = time.process_time()
        loss = float(model.train_on_batch(pictures, targets)[0])
        step = time.process_time() - began
        minutes.append(step * options.films / options.batch / 60)
        failed += not np.isfinite(loss)
        numbers = f"{parameters:>12,} {model.count_params():>12,} {step:>8.3f} {minutes[-1]:>9.2f} {loss:>7.3f}"
        print(f"{name:<22} {numbers}", flush=True)
        keras.utils.clear_session()
    print(f"{len(minutes)} networks; one epoch of each: {sum(minutes):.0f} minutes of one core")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
