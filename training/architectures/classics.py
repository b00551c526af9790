"""LeNet-5, AlexNet and VGG-16 as published, for one grey channel and three classes, and their reduced variants.

Logits take the place of each paper's output layer. The input is whatever size is asked for; at 256 x 256 AlexNet's
and VGG-16's dense layers are joined to maps of 6 x 6 (as published) and 8 x 8 (published: 7 x 7, of 224 x 224).
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from .parts import dense_head, pixels_in


def lenet5(
    height: int,
    width: int,
    *,
    filters: Sequence[int] = (6, 16),
    heads: Sequence[int] = (120, 84),
    activation: str = "tanh",
    max_pooling: bool = False,
) -> keras.Model:
    """LeNet-5 (LeCun et al. 1998): 7,157,431 parameters at 256 x 256, of which 7,144,440 join maps to layer C5.

    Other than published: subsampling is a plain average, each map of C3 sees all maps of S2, and the output is
    dense, not radial basis functions. C5 is the dense layer that it was for an input of 32 x 32.
    """
    pool = layers.MaxPooling2D if max_pooling else layers.AveragePooling2D
    pixels, x = pixels_in(height, width)
    for count in filters:
        x = layers.Conv2D(count, 5, activation=activation)(x)
        x = pool(2)(x)
    return keras.Model(pixels, dense_head(x, heads, dropout=0, activation=activation), name="lenet5")


def alexnet(
    height: int,
    width: int,
    *,
    filters: Sequence[int] = (96, 256, 384, 384, 256),
    heads: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
    normalise: bool = True,
) -> keras.Model:
    """AlexNet (Krizhevsky et al. 2012): 58,270,403 parameters at 256 x 256.

    A single tower: the published filters, each seeing all maps of the layer before. The two groups of the paper
    were its two GPUs. normalise: the paper's local response normalisation.
    """
    first, second, *others = filters
    pixels, x = pixels_in(height, width)
    x = layers.Conv2D(first, 11, strides=4, activation="relu")(x)
    x = _responses_normalised(x) if normalise else x
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(second, 5, padding="same", activation="relu")(x)
    x = _responses_normalised(x) if normalise else x
    x = layers.MaxPooling2D(3, strides=2)(x)
    for count in others:
        x = layers.Conv2D(count, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    return keras.Model(pixels, dense_head(x, heads, dropout=dropout), name="alexnet")


def vgg16(
    height: int,
    width: int,
    *,
    filters: Sequence[int] = (64, 128, 256, 512, 512),
    convolutions: Sequence[int] = (2, 2, 3, 3, 3),
    heads: Sequence[int] = (4096, 4096),
    dropout: float = 0.5,
    normalise: bool = False,
) -> keras.Model:
    """VGG-16, configuration D (Simonyan and Zisserman 2014): 165,728,963 parameters at 256 x 256.

    convolutions: of each stage; (1, 1, 2, 2, 2) is configuration A, VGG-11. normalise: batch normalisation after
    each convolution, which the paper, a year older, does not have. First weights after He et al. 2015: with
    Glorot's, a plain network of this depth does not begin to learn.
    """
    pixels, x = pixels_in(height, width)
    for count, times in zip(filters, convolutions, strict=True):
        for _ in range(times):
            x = layers.Conv2D(count, 3, padding="same", use_bias=not normalise, kernel_initializer="he_normal")(x)
            x = layers.BatchNormalization(momentum=0.97, epsilon=1e-5)(x) if normalise else x
            x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
    return keras.Model(pixels, dense_head(x, heads, dropout=dropout), name="vgg16")


def _responses_normalised(x: Any) -> Any:
    """Local response normalisation (Krizhevsky et al. 2012, section 3.3): k 2, n 5, alpha 1e-4, beta 0.75."""
    maps = x.shape[-1]
    squares: Any = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (2, 2)))
    near = sum(squares[..., i : i + maps] for i in range(5))
    return x / ops.power(2 + 1e-4 * near, 0.75)
