"""The changes of `augment` for many films at once, as PyTorch tensors on a GPU (or, slower, on the CPU)."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from .augment import Augmentation
from .exchange_gpu import Pool, exchanged_all

# The luminance table of ITU-T T.81, annex K, which libjpeg scales by quality.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def augment_all(
    pictures: Tensor,
    kinds: Augmentation,
    random: torch.Generator,
    trim: Tensor | None = None,
    chunk: int = 512,
    pool: Pool | None = None,
) -> Tensor:
    """uint8 [films, height, width] -> changed uint8 of the same shape, on the same device as `random`.

    trim: float [films, 2], the largest shares of height and of width that are cut off first.
    pool: the films, of the same size, that levels, spectrum and corner are taken from.
    """
    parts = pictures.split(chunk)
    trims = trim.split(chunk) if trim is not None else [None] * len(parts)
    return torch.cat([_augmented(part, kinds, random, cut, pool) for part, cut in zip(parts, trims, strict=True)])


def _augmented(
    pictures: Tensor, kinds: Augmentation, random: torch.Generator, trim: Tensor | None, pool: Pool | None
) -> Tensor:
    count = len(pictures)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        drawn = torch.rand((count, *shape), generator=random, device=pictures.device)
        return low + (high - low) * drawn

    def chosen(probability: float) -> Tensor:
        return uniform(0, 1, 1, 1) < probability

    grey = pictures.float()
    if pool is not None:
        grey = exchanged_all(grey, pool, kinds, uniform)
    grey = _moved(grey, kinds, uniform, trim)
    if kinds.blur:
        grey = torch.where(chosen(kinds.blur), _blurred(grey, uniform(0.3, 1.2), 5), grey)
    if kinds.sharpen:
        amount = uniform(0.2, 1.0, 1, 1)
        sharp = (1 + amount) * grey - amount * _blurred(grey, uniform(1.0, 3.0), 9)
        grey = torch.where(chosen(kinds.sharpen), sharp.clamp(0, 255), grey)
    if kinds.jpeg:
        grey = torch.where(chosen(kinds.jpeg), _through_jpeg(grey, uniform(40, 96).floor()), grey)
    grey = (grey / 255).clamp(0, 1) ** torch.exp(uniform(-kinds.gamma, kinds.gamma, 1, 1))
    grey = (grey - 0.5) * (1 + uniform(-kinds.contrast, kinds.contrast, 1, 1)) + 0.5
    grey = (grey + uniform(-kinds.brightness, kinds.brightness, 1, 1)).clamp(0, 1) * 255
    height, width = pictures.shape[1:]
    if kinds.shade:
        across = torch.linspace(-1, 1, width, device=grey.device)
        down = torch.linspace(-1, 1, height, device=grey.device)[:, None]
        tilt = uniform(-kinds.shade, kinds.shade, 2, 1, 1)
        grey = grey * (1 + tilt[:, 0] * across + tilt[:, 1] * down)
    if kinds.noise:
        noise = torch.randn(grey.shape, generator=random, device=grey.device)
        grey = grey + noise * uniform(0, kinds.noise, 1, 1)
    grey = grey.clamp(0, 255).round()
    row = torch.arange(height, device=grey.device)[:, None] / height
    column = torch.arange(width, device=grey.device) / width
    if kinds.border:
        top, bottom, left, right = uniform(0, 0.08, 4, 1, 1).unbind(1)
        outside = (row < top) | (row >= 1 - bottom) | (column < left) | (column >= 1 - right)
        grey = torch.where(outside & chosen(kinds.border), torch.zeros_like(grey), grey)
    if kinds.mask:
        tall, wide = uniform(0.05, 0.18, 2, 1, 1).unbind(1)
        in_rows = torch.where(chosen(0.7), row < tall, row >= 1 - tall)
        in_columns = torch.where(chosen(0.5), column < wide, column >= 1 - wide)
        grey = torch.where(in_rows & in_columns & chosen(kinds.mask), uniform(0, 60, 1, 1).floor(), grey)
    return grey.to(torch.uint8)


def _moved(grey: Tensor, kinds: Augmentation, uniform, trim: Tensor | None) -> Tensor:
    """Window, trim, rotation, scale, aspect, shift and mirror in one bilinear resampling; black outside."""
    angle = uniform(-math.radians(kinds.rotation), math.radians(kinds.rotation))
    scale = torch.exp(uniform(-kinds.scale, kinds.scale))
    stretch = torch.exp(uniform(-kinds.aspect, kinds.aspect) / 2)
    mirror = torch.where(uniform(0, 1) < kinds.flip, -1.0, 1.0)
    across, down = scale * stretch * mirror, scale / stretch
    shift = uniform(-2 * kinds.shift, 2 * kinds.shift, 2)  # of coordinates from -1 to 1
    height, width = grey.shape[1:]
    # grid_sample asks where a pixel comes from: the inverse of rotation times scale, in coordinates from -1 to 1
    cos, sin, ratio = torch.cos(angle), torch.sin(angle), (height - 1) / (width - 1)
    inverse = torch.stack(
        [
            torch.stack([cos / across, sin * ratio / across], -1),
            torch.stack([-sin / ratio / down, cos / down], -1),
        ],
        1,
    )
    offset = -(inverse @ shift[:, :, None])
    grid = functional.affine_grid(torch.cat([inverse, offset], 2), [len(grey), 1, height, width], align_corners=True)
    if tuple(kinds.crop) != (1, 1):
        share = uniform(*kinds.crop, 2)[:, None, None]
        grid = grid * share + (2 * uniform(0, 1, 2)[:, None, None] - 1) * (1 - share)
    if trim is not None:
        cut = (uniform(0, 1, 2) * trim).flip(1)[:, None, None]  # of width, then of height, as the grid has them
        place = 2 * uniform(0, 1, 2)[:, None, None] - 1
        outside = (grid.abs() > 1).any(-1, keepdim=True)
        grid = torch.where(outside, 2.0, grid * (1 - cut) + place * cut)
    moved = functional.grid_sample(grey[:, None], grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    return moved[:, 0]


def _blurred(grey: Tensor, sigma: Tensor, reach: int) -> Tensor:
    """Gaussian blur with a sigma for each film; `reach` pixels each way."""
    steps = torch.arange(-reach, reach + 1, device=grey.device)
    weights = torch.exp(-0.5 * (steps / sigma[:, None]) ** 2)
    weights = (weights / weights.sum(1, keepdim=True))[:, :, None, None]
    height, width = grey.shape[1:]
    padded = functional.pad(grey[:, None], (reach, reach, 0, 0), mode="reflect")[:, 0]
    taps = range(2 * reach + 1)
    across = torch.stack([weights[:, k] * padded[:, :, k : k + width] for k in taps]).sum(0)
    padded = functional.pad(across[:, None], (0, 0, reach, reach), mode="reflect")[:, 0]
    return torch.stack([weights[:, k] * padded[:, k : k + height] for k in taps]).sum(0)


def _through_jpeg(grey: Tensor, quality: Tensor) -> Tensor:
    """What baseline JPEG of this quality [films] leaves: the 8 x 8 cosine transform in whole steps, and back."""
    count, height, width = grey.shape
    padded = functional.pad(grey[:, None], (0, -width % 8, 0, -height % 8), mode="replicate")[:, 0]
    rows, columns = padded.shape[1] // 8, padded.shape[2] // 8
    blocks = padded.reshape(count, rows, 8, columns, 8).transpose(2, 3) - 128
    n = torch.arange(8, device=grey.device, dtype=torch.float32)
    transform = torch.cos((2 * n + 1) * n[:, None] * math.pi / 16) / 2
    transform[0] /= math.sqrt(2)
    factor = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None]
    table = torch.tensor(_LUMINANCE, device=grey.device, dtype=torch.float32)
    steps = ((table * factor + 50) / 100).floor().clamp(1, 255)[:, None, None]
    coefficients = torch.round(transform @ blocks @ transform.T / steps) * steps
    back = (transform.T @ coefficients @ transform + 128).round().clamp(0, 255)
    return back.transpose(2, 3).reshape(count, rows * 8, columns * 8)[:, :height, :width]
