"""What the networks share: the input, how a film is standardised, and a head of dense layers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from xscan.engine import CLASSES


def pixels_in(height: int, width: int) -> tuple[Any, Any]:
    """The uint8 input and the same as float in [-2, 2]: with inputs in [0, 1] Model_4 stays at ln 3."""
    pixels = layers.Input((height, width, 1), dtype="uint8", name="pixels")
    return pixels, layers.Rescaling(4 / 255, offset=-2, name="scale")(pixels)


def standardised(x: Any) -> Any:
    """Each film to zero mean and unit variance: exposure differs between devices and means nothing.

    x: float [batch, height, width, 1]; what comes back is of the same shape.
    """
    centred = x - _film_mean(x)
    return centred / keras.ops.sqrt(_film_mean(keras.ops.square(centred)) + 1e-4)


def _film_mean(x: Any) -> Any:
    """In two steps: added up one by one, 25,600 pixels lose the last digits in float32."""
    return keras.ops.mean(keras.ops.mean(x, axis=2, keepdims=True), axis=(1, 3), keepdims=True)


def logits_of(x: Any) -> Any:
    return layers.Dense(len(CLASSES), name="logits")(x)


def dense_head(x: Any, units: Sequence[int], *, dropout: float, activation: str = "relu") -> Any:
    """Flatten, and dense layers with dropout after each (Krizhevsky 2012 and Simonyan 2014 have it so)."""
    x = layers.Flatten()(x)
    for width in units:
        x = layers.Dense(width, activation=activation)(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    return logits_of(x)
