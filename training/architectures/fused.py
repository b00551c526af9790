"""Layers that train faster than Keras's own, and do the same."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="xscan")
class FusedBatchNormalization(layers.BatchNormalization):
    """The same layer on the backend's fused kernel: Keras's own takes as long as the convolution before it.

    Only a network in training holds it; what is saved at the end has the plain layer.
    """

    def call(self, inputs, training=None, mask=None):
        if keras.backend.backend() == "torch":
            return self._torch(inputs, bool(training))
        if not training or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
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


#: Computed in float32 in any network: what brings grey levels to the network's range, and what the loss sees.
EXACT = {"scale", "maps", "logits"}


def fused_layers(model: keras.Model, *, half: bool = False) -> keras.Model:
    """A copy of the network that trains faster; its weights, in the same order, are copied too.

    half: compute in bfloat16, but for the input's scaling and the last layers; weights stay float32.
    On PyTorch a CUDA graph can record every step of the copy.
    """
    faster = {layers.BatchNormalization: FusedBatchNormalization}
    if keras.backend.backend() == "torch":
        faster[layers.Dropout] = FusedDropout

    def copied(layer: layers.Layer) -> layers.Layer:
        smaller = half and isinstance(layer, layers.Layer) and layer.name not in EXACT  # keras.ops take what comes
        changes = {"dtype": "mixed_bfloat16"} if smaller else {}
        return faster.get(type(layer), type(layer)).from_config(layer.get_config() | changes)

    copy = keras.models.clone_model(model, clone_function=copied)
    copy.set_weights(model.get_weights())
    return copy
