"""Take from another training film, of any class, what is not anatomy.

Films of one class were made alike: exposure, processing, framing, letters. What is exchanged between films of all
classes tells a network nothing about them.

levels    the grey-level distribution of another film, by quantiles, blended with the film's own: histogram matching
spectrum  the low-frequency Fourier amplitudes of another film, blended; phases, which carry shape, stay
          (Yang and Soatto 2020, "FDA"; Xu et al. 2021, "A Fourier-based framework for domain generalization")
corner    the corner of another film, where letters and plates stand (Yun et al. 2019, "CutMix", with the labels kept)

All work on films as they are, before they are moved or cropped: the black outside of a film is no grey level of it.
"""

from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

REACH = 6  #: waves across a film, at most, whose amplitudes are exchanged
PLACES = 256  #: quantiles that describe a film's grey levels


class Chances(Protocol):
    """The probability of each exchange; `Augmentation` has them."""

    @property
    def levels(self) -> float: ...
    @property
    def spectrum(self) -> float: ...
    @property
    def corner(self) -> float: ...


class Pool:
    """Training films to take from."""

    def __init__(self, pictures: np.ndarray) -> None:
        """pictures: uint8 [films, height, width]."""
        self.pictures = pictures
        self.levels = np.stack([quantiles(picture) for picture in pictures])  #: float32 [films, PLACES]
        self.amplitudes = np.stack([np.abs(low_waves(picture)) for picture in pictures])  #: float32, as `low_waves`

    def __len__(self) -> int:
        return len(self.pictures)


def exchanged(picture: np.ndarray, pool: Pool, chances: Chances, rng: np.random.Generator) -> np.ndarray:
    """uint8 [height, width] -> the same, perhaps with what other films of the pool have."""
    if chances.corner and rng.random() < chances.corner:
        picture = with_corner(picture, pool.pictures[rng.integers(len(pool))], rng)
    if chances.spectrum and rng.random() < chances.spectrum:
        picture = with_spectrum(picture, pool.amplitudes[rng.integers(len(pool))], rng.uniform(0, 1))
    if chances.levels and rng.random() < chances.levels:
        picture = with_levels(picture, pool.levels[rng.integers(len(pool))], rng.uniform(0.3, 1))
    return picture


def quantiles(picture: np.ndarray) -> np.ndarray:
    """uint8 [height, width] -> float32 [PLACES]: the grey level below which each share of the pixels lies."""
    counts = np.bincount(picture.ravel(), minlength=256) / picture.size
    used = counts > 0
    middle = (np.cumsum(counts) - counts / 2)[used]
    return np.interp((np.arange(PLACES) + 0.5) / PLACES, middle, np.flatnonzero(used)).astype(np.float32)


def with_levels(picture: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Grey levels moved by `share` of the way to those of `other`, float32 [PLACES] of `quantiles`; order stays."""
    counts = np.bincount(picture.ravel(), minlength=256) / picture.size
    middle = np.cumsum(counts) - counts / 2
    wanted = np.interp(middle, (np.arange(PLACES) + 0.5) / PLACES, other)
    table = (1 - share) * np.arange(256) + share * wanted
    return cv2.LUT(picture, np.clip(np.round(table), 0, 255).astype(np.uint8))


@lru_cache(maxsize=8)
def waves(pixels: int) -> np.ndarray:
    """complex64 [2 REACH + 1, pixels]: the rows of a Fourier transform from -REACH to REACH."""
    place = np.arange(pixels) / pixels
    return np.exp(-2j * np.pi * np.arange(-REACH, REACH + 1)[:, None] * place).astype(np.complex64)


def low_waves(picture: np.ndarray) -> np.ndarray:
    """complex64 [2 REACH + 1, REACH + 1]: the lowest part of the transform of a real picture, a pixel.

    The rest of the low part is the conjugate of this. Two small products are quicker here than a whole transform.
    """
    height, width = picture.shape
    return waves(height) @ (picture.astype(np.float32) @ waves(width)[REACH:].T) / picture.size


def with_spectrum(picture: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Low amplitudes moved by `share` of the way to `other`, float32 of |low_waves|; phases and the mean stay."""
    height, width = picture.shape
    own = low_waves(picture)
    size = np.abs(own)
    change = share * (other - size) * own / np.maximum(size, 1e-6)
    change[REACH, 0] = 0
    change[:, 1:] *= 2  # and the conjugates, which a real picture has too
    added = ((waves(height).conj().T @ change) @ waves(width)[REACH:].conj()).real
    return np.clip(np.round(picture + added), 0, 255).astype(np.uint8)


def with_corner(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An upper, more rarely a lower, corner of another film of the same size, 8 to 20 % of each side."""
    height, width = picture.shape
    rows, columns = (rng.uniform(0.08, 0.2, 2) * (height, width)).astype(int)
    down = slice(0, rows) if rng.random() < 0.8 else slice(height - rows, height)
    across = slice(0, columns) if rng.random() < 0.5 else slice(width - columns, width)
    picture = picture.copy()
    picture[down, across] = other[down, across]
    return picture
