"""Do all networks of a recipe build at their own size and take a training step at a small one?

    python scripts/study_networks.py [--recipe study] [--size 96] [--films 4172]

For each: parameters at the architecture's own size; parameters and multiply-adds a film at --size; and the loss of the
second of two steps. Ends with 1 where a network cannot be built or the loss is not a number. Some networks need at
least 96 x 96. A training step is about three times a film's multiply-adds, times two operations, times its films:
the last line gives that for an epoch of every network.
"""

import argparse
import math
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from xscan.engine import CLASSES
from xscan.training.architectures.registry import architecture
from xscan.training.fit.train import compiled
from xscan.training.sweep.recipe import read_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="study")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--films", type=int, default=4172, help="of an epoch")
    options = parser.parse_args()
    recipe = read_recipe(options.recipe)
    print(f"{'network':<22} {'parameters':>12} {f'at {options.size}':>12} {'10^6 x +':>9} {'loss':>7}")
    total = failed = 0
    for name, settings in recipe.networks.items():
        network = architecture(settings.architecture)
        with keras.StatelessScope(initialize_variables=False):  # no weights: those of VGG-16 take 660 MB
            parameters = network.build(network.size, network.size, settings.options).count_params()
        keras.utils.clear_session()
        small = network.build(options.size, options.size, settings.options)
        loss = trained_a_step(compiled(small, settings, steps=100), options.size)
        total += multiply_adds(small)
        failed += not np.isfinite(loss)
        numbers = f"{parameters:>12,} {small.count_params():>12,} {multiply_adds(small) / 1e6:>9.1f} {loss:>7.3f}"
        print(f"{name:<22} {numbers}", flush=True)
        keras.utils.clear_session()
    operations = 6 * total * options.films
    print(f"{len(recipe.networks)} networks; an epoch of each: {operations / 1e12:,.0f} * 10^12 operations")
    sys.exit(failed > 0)


def trained_a_step(model: keras.Model, size: int) -> float:
    """The loss of the second step. Eagerly: tracing a graph takes longer than both."""
    model.run_eagerly = True
    pictures = np.random.default_rng(0).integers(0, 256, (3, size, size, 1), np.uint8)
    targets = np.eye(len(CLASSES), dtype=np.float32)
    model.train_on_batch(pictures, targets)
    return float(model.train_on_batch(pictures, targets)[0])


def multiply_adds(model: keras.Model) -> int:
    """Of one film's forward pass: each weight of a kernel once for every place of its output."""
    return sum(
        math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model.layers
        if hasattr(layer, "kernel")
    )


if __name__ == "__main__":
    main()
