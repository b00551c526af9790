"""The exchanges of `exchange` for many films at once, as PyTorch tensors on a GPU (or, slower, on the CPU)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .exchange import PLACES, REACH, Chances, waves
from .exchange import Pool as ProcessorPool

Uniform = Callable[..., Tensor]  #: (low, high, *shape) -> [films, *shape]


class Pool:
    """Training films to take from, on the device; quantiles and spectra are the processor's own."""

    def __init__(self, pictures: np.ndarray, device: torch.device) -> None:
        """pictures: uint8 [films, height, width]."""
        measured = ProcessorPool(pictures)
        self.pictures = torch.from_numpy(pictures).to(device)
        self.levels = torch.from_numpy(measured.levels).to(device)  #: float32 [films, PLACES]
        self.amplitudes = torch.from_numpy(measured.amplitudes).to(device)

    def drawn(self, uniform: Uniform) -> Tensor:
        """int64 [films]: a film of the pool for each film of the batch."""
        return (uniform(0, 1) * len(self.pictures)).long().clamp(max=len(self.pictures) - 1)


def exchanged_all(grey: Tensor, pool: Pool, chances: Chances, uniform: Uniform) -> Tensor:
    """float [films, height, width], whole grey levels -> the same."""

    def chosen(probability: float) -> Tensor:
        return uniform(0, 1, 1, 1) < probability

    if chances.corner:
        other = pool.pictures[pool.drawn(uniform)].float()
        grey = torch.where(_corner(grey, uniform) & chosen(chances.corner), other, grey)
    if chances.spectrum:
        changed = with_spectra(grey, pool.amplitudes[pool.drawn(uniform)], uniform(0, 1))
        grey = torch.where(chosen(chances.spectrum), changed, grey)
    if chances.levels:
        changed = with_levels(grey, pool.levels[pool.drawn(uniform)], uniform(0.3, 1))
        grey = torch.where(chosen(chances.levels), changed, grey)
    return grey


def with_levels(grey: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Grey levels moved by `share` [films] of the way to those of `other`, float32 [films, PLACES] of `quantiles`."""
    levels = grey.long().flatten(1)
    counts = torch.zeros((len(grey), 256), device=grey.device)
    counts.scatter_add_(1, levels, torch.ones_like(levels, dtype=torch.float32))
    middle = (counts.cumsum(1) - counts / 2) / levels.shape[1]
    place = (middle * PLACES - 0.5).clamp(0, PLACES - 1)  # `other` stands at even steps
    below = place.floor().long().clamp(max=PLACES - 2)
    wanted = torch.lerp(other.gather(1, below), other.gather(1, below + 1), place - below)
    table = torch.lerp(torch.arange(256.0, device=grey.device).expand_as(wanted), wanted, share[:, None])
    return table.round().clamp(0, 255).gather(1, levels).reshape(grey.shape)


def with_spectra(grey: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Low amplitudes moved by `share` [films] of the way to `other`, float32 of |low_waves|; phases and means stay."""
    height, width = grey.shape[1:]
    down, across = (torch.from_numpy(waves(side)).to(grey.device) for side in (height, width))
    across = across[REACH:]
    own = down @ (grey.to(across.dtype) @ across.T) / (height * width)
    size = own.abs()
    change = share[:, None, None] * (other - size) * own / size.clamp(min=1e-6)
    change[:, REACH, 0] = 0
    change[:, :, 1:] *= 2  # and the conjugates, which a real picture has too
    added = ((down.conj().T @ change) @ across.conj()).real
    return (grey + added).round().clamp(0, 255)


def _corner(grey: Tensor, uniform: Uniform) -> Tensor:
    """bool [films, height, width]: an upper, more rarely a lower, corner, 8 to 20 % of each side."""
    height, width = grey.shape[1:]
    row = torch.arange(height, device=grey.device)[:, None] / height
    column = torch.arange(width, device=grey.device) / width
    tall, wide = uniform(0.08, 0.2, 2, 1, 1).unbind(1)
    in_rows = torch.where(uniform(0, 1, 1, 1) < 0.8, row < tall, row >= 1 - tall)
    in_columns = torch.where(uniform(0, 1, 1, 1) < 0.5, column < wide, column >= 1 - wide)
    return in_rows & in_columns
