"""The network that the seed study chose, and its relatives."""

from collections.abc import Sequence

import keras
from keras import layers

from .parts import logits_of, pixels_in


def seed(
    height: int,
    width: int,
    *,
    filters: Sequence[int] = (16, 32, 64, 128, 256),
    heads: Sequence[int] = (128, 64, 32, 16),
    dropout: float = 0.4,
) -> keras.Model:
    """Model_4 of the seed study: 1,583,011 parameters at 256 x 256.

    filters: of each 3 x 3 convolution, which a pooling by 2 follows; heads: units of the dense layers.
    """
    pixels, x = pixels_in(height, width)
    for count in filters:
        x = layers.Conv2D(count, 3, padding="valid", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    for units in heads:
        x = layers.Dense(units, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(pixels, logits_of(x), name="seed")
