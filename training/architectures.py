"""The networks, each a short function from (height, width) to a Keras model. New ones are added here only.

Every model takes uint8 [batch, height, width, 1] (dark = air) and returns logits float32 [batch, 3] in the
order of xscan.engine.CLASSES, or a dict {"logits", "maps"} where it has class maps. Scaling is the model's
first layer, so that nobody can normalise differently. Softmax belongs to the loss and to the runtime, and has
no parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from xscan.engine import CLASSES
from xscan.engine.errors import UsageError


@dataclass(frozen=True)
class Architecture:
    name: str
    build: Callable[[int, int], keras.Model]
    size: int  #: the side of its square input
    source: str


def _input(height: int, width: int) -> tuple[Any, Any]:
    """The uint8 input and the same as float in [-2, 2]: with inputs in [0, 1] Model_4 stays at ln 3."""
    pixels = layers.Input((height, width, 1), dtype="uint8", name="pixels")
    return pixels, layers.Rescaling(4 / 255, offset=-2, name="scale")(pixels)


def seed(height: int, width: int) -> keras.Model:
    """Model_4 of the seed study: 1,583,011 parameters at 256 x 256."""
    pixels, x = _input(height, width)
    for filters in (16, 32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="valid", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(0.4)(x)
    x = layers.Flatten()(x)
    for units in (128, 64, 32, 16):
        x = layers.Dense(units, activation="relu")(x)
    x = layers.Dropout(0.4)(x)
    logits = layers.Dense(len(CLASSES), name="logits")(x)
    return keras.Model(pixels, logits, name="seed")


@keras.saving.register_keras_serializable(package="xscan")
class FusedBatchNormalization(layers.BatchNormalization):
    """The same layer on TensorFlow's fused kernel: Keras's own takes as long as the convolution before it.

    Only a network in training holds it; what is saved at the end has the plain layer.
    """

    def call(self, inputs, training=None, mask=None):
        if not training or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        for moving, measured in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(tf.convert_to_tensor(moving) * self.momentum + measured * (1 - self.momentum))
        return outputs


def fused_layers(model: keras.Model) -> keras.Model:
    """A copy of the network that trains faster; its weights, in the same order, are copied too."""

    def copied(layer: layers.Layer) -> layers.Layer:
        fused = isinstance(layer, layers.BatchNormalization)
        return (FusedBatchNormalization if fused else type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=copied)
    copy.set_weights(model.get_weights())
    return copy


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


def _standardised(x: Any) -> Any:
    """Each film to zero mean and unit variance: exposure differs between devices and means nothing."""
    centred = x - _film_mean(x)
    return centred / keras.ops.sqrt(_film_mean(keras.ops.square(centred)) + 1e-4)


def _film_mean(x: Any) -> Any:
    """In two steps: added up one by one, 25,600 pixels lose the last digits in float32."""
    return keras.ops.mean(keras.ops.mean(x, axis=2, keepdims=True), axis=(1, 3), keepdims=True)


def compact(height: int, width: int) -> keras.Model:
    """A small residual network with class maps: plain 3 x 3 convolutions and ReLU, friendly to INT8.

    1,583,059 parameters; at 160 x 160 0.42 of `seed`'s time. Two strides in the stem and one block at a
    quarter of the size: there a block costs as much as a deeper one and learns less.
    """
    pixels, x = _input(height, width)
    x = _standardised(x)
    x = _convolution(x, 16, stride=2)
    x = _convolution(x, 32, stride=2)
    for filters, stride in ((32, 1), (48, 2), (48, 1), (96, 2), (96, 1), (192, 2), (192, 1)):
        x = _residual(x, filters, stride)
    x = layers.Dropout(0.2)(x)
    # [batch, height / 32, width / 32, 3]: evidence for each class, by place
    maps = layers.Conv2D(len(CLASSES), 1, name="maps")(x)
    logits = layers.GlobalAveragePooling2D(name="logits")(maps)
    return keras.Model(pixels, {"logits": logits, "maps": maps}, name="compact")


ARCHITECTURES = {
    a.name: a
    for a in (
        Architecture("seed", seed, 256, "Model_4 of the seed study"),
        Architecture("compact", compact, 160, "residual (He et al. 2016) with class maps (Zhou et al. 2016)"),
    )
}


def architecture(name: str) -> Architecture:
    """Raises UsageError with the list of names."""
    if name not in ARCHITECTURES:
        raise UsageError(f"no architecture '{name}': choose one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
