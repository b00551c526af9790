"""Layers that train faster than Keras's own, and do the same."""

import functools

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="xscan")
class FusedBatchNormalization(layers.BatchNormalization):
    """The same layer on the backend's fused kernel: Keras's own takes as long as the convolution before it.

    Only a network in training holds it; what is saved at the end has the plain layer.
    """

    def call(self, inputs, training=None, mask=None):
        measures = bool(training and self.trainable)
        if keras.backend.backend() == "torch":
            return self._torch(inputs, measures)
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        normalised = functools.partial(tf.compat.v1.nn.fused_batch_norm, inputs, self.gamma, self.beta)
        if not measures:
            known = {"mean": self.moving_mean, "variance": self.moving_variance}
            return normalised(**known, epsilon=self.epsilon, is_training=False)[0]
        outputs, mean, variance = normalised(epsilon=self.epsilon, is_training=True)
        for moving, measured in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(tf.convert_to_tensor(moving) * self.momentum + measured * (1 - self.momentum))
        return outputs

    def _torch(self, inputs, training: bool):
        from torch.nn import functional

        moving = self.moving_mean.value, self.moving_variance.value
        scale = self.gamma.value, self.beta.value
        outputs = functional.batch_norm(
            inputs.movedim(-1, 1), *moving, *scale, training=training, momentum=1 - self.momentum, eps=self.epsilon
        )
        return outputs.movedim(1, -1)


@keras.saving.register_keras_serializable(package="xscan")
class FusedDropout(layers.Dropout):
    """The same layer with PyTorch's own random numbers, which a CUDA graph can record."""

    def call(self, inputs, training=None):
        from torch.nn import functional

        return functional.dropout(inputs, self.rate, training=bool(training))


@keras.saving.register_keras_serializable(package="xscan")
class FusedSpatialDropout2D(layers.SpatialDropout2D):
    """As FusedDropout, for whole channels."""

    def call(self, inputs, training=None):
        from torch.nn import functional

        return functional.dropout2d(inputs.movedim(-1, 1), self.rate, training=bool(training)).movedim(1, -1)


#: Computed in float32 in any network: what brings grey levels to the network's range, and what the loss sees.
EXACT = {"scale", "maps", "logits"}


def fused_layers(model: keras.Model, *, half: bool = False) -> keras.Model:
    """A copy of the network that trains faster; its weights, in the same order, are copied too.

    half: compute in bfloat16, but for the input's scaling and the last layers; weights stay float32.
    On PyTorch a CUDA graph can record every step of the copy.
    """
    faster = {layers.BatchNormalization: FusedBatchNormalization}
    if keras.backend.backend() == "torch":
        faster |= {layers.Dropout: FusedDropout, layers.SpatialDropout2D: FusedSpatialDropout2D}

    def copied(layer: layers.Layer) -> layers.Layer:
        smaller = half and isinstance(layer, layers.Layer) and layer.name not in EXACT  # keras.ops take what comes
        changes = {"dtype": "mixed_bfloat16"} if smaller else {}
        return faster.get(type(layer), type(layer)).from_config(layer.get_config() | changes)

    copy = keras.models.clone_model(model, clone_function=copied)
    copy.set_weights(model.get_weights())
    return copy
