"""What ships as `compact`: inverted residuals (Sandler et al. 2018), with a start from ImageNet weights."""

import keras
from keras import layers

from xscan.engine import CLASSES

from .parts import pixels_in, standardised

FROZEN = 3  #: blocks
EXPANSION = 6

#: Of EfficientNet-Lite0, the first: filter, stride, expansion, channels, blocks.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, EXPANSION, 24, 2),
    (5, 2, EXPANSION, 40, 2),
    (3, 2, EXPANSION, 80, 3),
    (5, 1, EXPANSION, 112, 3),
)


def lite_c4(height: int, width: int, *, dropout: float = 0.2, frozen: bool = False) -> keras.Model:
    """The front of EfficientNet-Lite0 (after Tan and Le 2019), to a sixteenth of the side, with class maps.

    796,323 parameters; ships as `compact`. It ends where detectors take features at a sixteenth of the side (C4): with
    the 1 x 1 convolution to 672 channels that the next block would begin with. The next stage alone takes a fifth more
    time, and has cells of twice the side. Convolutions and ReLU6, no squeeze and excitation.

    frozen: the stem, the first blocks and all depthwise filters stay as they are given, for a start from trained
    weights: the front is a third of the time and holds edges and textures, and on a CPU the gradient of a depthwise
    filter takes ten times as long as the filter.

    Outputs, float32: `logits` [batch, 3], `maps` [batch, height / 16, width / 16, 3].
    """
    pixels, x = pixels_in(height, width)
    x = layers.Rescaling(0.5, name="range")(standardised(x))  # ImageNet's pictures came in with about a half
    x = _convolution(x, layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False), train=not frozen)
    number = 0
    for kernel, stride, expansion, filters, blocks in STAGES:
        for block in range(blocks):
            number += 1
            x = _block(x, kernel, 1 if block else stride, expansion, filters, train=not frozen, front=number <= FROZEN)
    x = _convolution(x, layers.Conv2D(EXPANSION * x.shape[-1], 1, use_bias=False))
    x = layers.SpatialDropout2D(dropout)(x)  # as a dropout of the averaged features
    # [batch, rows, columns, 3]: evidence for each class, by place
    small = keras.initializers.RandomNormal(stddev=0.01)
    maps = layers.Conv2D(len(CLASSES), 1, kernel_initializer=small, name="maps")(x)
    logits = layers.GlobalAveragePooling2D(name="logits")(maps)
    return keras.Model(pixels, {"logits": logits, "maps": maps}, name="lite_c4")


def _block(x: keras.KerasTensor, kernel: int, stride: int, expansion: int, filters: int, *, train: bool, front: bool):
    """1 x 1 to more channels, depthwise, 1 x 1 back, and a shortcut where the shape stays."""
    channels = x.shape[-1]
    rest = train or not front
    y = x
    if expansion > 1:
        y = _convolution(y, layers.Conv2D(expansion * channels, 1, use_bias=False), train=rest)
    depth = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False, trainable=train)
    y = _convolution(y, depth, train=rest)
    y = _convolution(y, layers.Conv2D(filters, 1, use_bias=False), train=rest, relu=False)
    return layers.Add()([x, y]) if stride == 1 and channels == filters else y


def _convolution(x: keras.KerasTensor, layer: layers.Layer, *, train: bool = True, relu: bool = True):
    layer.trainable = layer.trainable and train
    x = layers.BatchNormalization(momentum=0.97, epsilon=1e-3, trainable=train)(layer(x))
    return layers.ReLU(max_value=6)(x) if relu else x
