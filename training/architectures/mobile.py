"""Small networks of later years, for comparison with `compact`."""

import keras
from keras import layers

from xscan.engine import CLASSES

from .parts import logits_of, pixels_in


def squeezenet(height: int, width: int, *, share: float = 1.0, dropout: float = 0.5) -> keras.Model:
    """SqueezeNet 1.1 (Iandola et al. 2016): 722,883 parameters at any size; share: of the published filters."""

    def fire(x: keras.KerasTensor, squeeze: int) -> keras.KerasTensor:
        squeeze = round(squeeze * share)
        x = layers.Conv2D(squeeze, 1, activation="relu", kernel_initializer="he_normal")(x)
        wide = [
            layers.Conv2D(4 * squeeze, size, padding="same", activation="relu", kernel_initializer="he_normal")(x)
            for size in (1, 3)
        ]
        return layers.Concatenate()(wide)

    pixels, x = pixels_in(height, width)
    x = layers.Conv2D(round(64 * share), 3, strides=2, activation="relu", kernel_initializer="he_normal")(x)
    for stage in ((16, 16), (32, 32), (48, 48, 64, 64)):
        x = layers.MaxPooling2D(3, strides=2)(x)
        for squeeze in stage:
            x = fire(x, squeeze)
    x = layers.Dropout(dropout)(x)
    maps = layers.Conv2D(len(CLASSES), 1, name="maps")(x)
    logits = layers.GlobalAveragePooling2D(name="logits")(maps)
    return keras.Model(pixels, {"logits": logits, "maps": maps}, name="squeezenet")


def mobilenet(height: int, width: int, *, share: float = 0.5, dropout: float = 0.2) -> keras.Model:
    """MobileNet (Howard et al. 2017): depthwise separable convolutions; share: of the published filters."""

    def convolved(x: keras.KerasTensor, layer: layers.Layer) -> keras.KerasTensor:
        return layers.ReLU()(layers.BatchNormalization(momentum=0.97, epsilon=1e-5)(layer(x)))

    def of(filters: int) -> int:
        return round(filters * share)

    pixels, x = pixels_in(height, width)
    x = convolved(x, layers.Conv2D(of(32), 3, strides=2, padding="same", use_bias=False))
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for filters, stride in blocks:
        x = convolved(x, layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False))
        x = convolved(x, layers.Conv2D(of(filters), 1, use_bias=False))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(pixels, logits_of(x), name="mobilenet")
