"""The residual network that ships as `compact`."""

from collections.abc import Sequence

import keras
from keras import layers

from xscan.engine import CLASSES

from .parts import pixels_in, standardised


def _convolution(x: keras.KerasTensor, filters: int, size: int = 3, stride: int = 1, relu: bool = True):
    x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(momentum=0.97, epsilon=1e-5)(x)
    return layers.ReLU()(x) if relu else x


def _residual(x: keras.KerasTensor, filters: int, stride: int):
    """Two 3 x 3 convolutions and a shortcut (He et al. 2016), which is a 1 x 1 where the shape changes."""
    y = _convolution(x, filters, stride=stride)
    y = _convolution(y, filters, relu=False)
    if stride != 1 or x.shape[-1] != filters:
        x = _convolution(x, filters, size=1, stride=stride, relu=False)
    return layers.ReLU()(layers.Add()([x, y]))


def compact(
    height: int, width: int, *, filters: Sequence[int] = (32, 48, 96, 192), dropout: float = 0.2
) -> keras.Model:
    """A small residual network with class maps: plain 3 x 3 convolutions and ReLU, friendly to INT8.

    1,583,059 parameters; at 160 x 160 0.42 of `seed`'s time. Two strides in the stem and one block at a
    quarter of the size: there a block costs as much as a deeper one and learns less. filters: of each stage.
    """
    if filters[0] < 16:  # with 2 in the stem the backward pass wrote past its memory, in TensorFlow and PyTorch
        raise ValueError("too few filters")
    pixels, x = pixels_in(height, width)
    x = standardised(x)
    x = _convolution(x, filters[0] // 2, stride=2)
    x = _convolution(x, filters[0], stride=2)
    first, *others = filters
    x = _residual(x, first, 1)
    for count in others:
        x = _residual(x, count, 2)
        x = _residual(x, count, 1)
    x = layers.Dropout(dropout)(x)
    # [batch, height / 32, width / 32, 3]: evidence for each class, by place
    maps = layers.Conv2D(len(CLASSES), 1, name="maps")(x)
    logits = layers.GlobalAveragePooling2D(name="logits")(maps)
    return keras.Model(pixels, {"logits": logits, "maps": maps}, name="compact")
