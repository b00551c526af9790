"""Random changes to training films, after the ways in which real exports differ. Polarity is kept."""

from dataclasses import dataclass

import cv2
import numpy as np

from .exchange import Pool, exchanged


@dataclass(frozen=True)
class Augmentation:
    """Largest change of each kind; 0 turns one off."""

    rotation: float = 8.0  #: degrees
    scale: float = 0.10  #: share of the size, both ways
    aspect: float = 0.10  #: share, width against height: exports are squashed to a square
    shift: float = 0.06  #: share of the size
    flip: float = 0.5  #: probability of a left-right mirror
    gamma: float = 0.3  #: of the logarithm of the exponent
    contrast: float = 0.2  #: share
    brightness: float = 0.1  #: share of the full range
    blur: float = 0.3  #: probability; sigma up to 1.2 pixels
    jpeg: float = 0.3  #: probability; quality 40 to 95
    noise: float = 6.0  #: standard deviation in grey levels, at most
    border: float = 0.0  #: probability of black collimation borders, up to 8 % a side
    mask: float = 0.0  #: probability of a blanked corner, where markers and letters stand
    shade: float = 0.0  #: largest linear shading across the film (heel effect, tilted tube), share
    sharpen: float = 0.0  #: probability of the edge enhancement that some devices apply before export
    levels: float = 0.0  #: probability of the grey levels of another film (see exchange.py)
    spectrum: float = 0.0  #: probability of the low-frequency amplitudes of another film
    corner: float = 0.0  #: probability of a corner of another film
    #: smallest and largest share of each side that a window on the film has, drawn one by one; beyond it is black
    crop: tuple[float, float] = (1.0, 1.0)


def augment(
    picture: np.ndarray,
    kinds: Augmentation,
    rng: np.random.Generator,
    trim: tuple[float, float] = (0, 0),
    pool: Pool | None = None,
) -> np.ndarray:
    """uint8 [height, width] -> a changed uint8 [height, width]; all randomness comes from rng.

    trim: the largest shares of height and of width that are cut off first; what is left fills the picture.
    pool: the films, of the same size, that levels, spectrum and corner are taken from.
    """
    if pool is not None:
        picture = exchanged(picture, pool, kinds, rng)
    height, width = picture.shape
    moved = _affine(height, width, kinds, rng)
    if tuple(kinds.crop) != (1, 1):
        moved = _windowed(height, width, moved, kinds.crop, rng)
    if any(trim):
        picture, moved = _trimmed(picture, moved, trim, rng)
    picture = cv2.warpAffine(picture, moved, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    if rng.random() < kinds.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.2))
    # The newer kinds draw no random numbers while they are off: older recipes repeat bit for bit.
    if kinds.sharpen and rng.random() < kinds.sharpen:
        picture = _sharpened(picture, rng)
    if rng.random() < kinds.jpeg:
        quality = int(rng.integers(40, 96))
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))
    picture = cv2.LUT(picture, _tone_curve(kinds, rng))
    if kinds.shade:
        picture = _shaded(picture, kinds, rng)
    if kinds.noise:
        noise = np.empty(picture.shape, np.int8)
        cv2.setRNGSeed(int(rng.integers(2**31)))
        cv2.randn(noise, np.zeros(1), np.full(1, rng.uniform(0, kinds.noise)))
        picture = cv2.add(picture, noise, dtype=cv2.CV_8U)
    if rng.random() < kinds.border:
        _blank_border(picture, rng)
    if rng.random() < kinds.mask:
        _blank_corner(picture, rng)
    return picture


def _affine(height: int, width: int, kinds: Augmentation, rng: np.random.Generator) -> np.ndarray:
    angle = np.deg2rad(rng.uniform(-kinds.rotation, kinds.rotation))
    scale = np.exp(rng.uniform(-kinds.scale, kinds.scale))
    stretch = np.exp(rng.uniform(-kinds.aspect, kinds.aspect) / 2)
    mirror = -1.0 if rng.random() < kinds.flip else 1.0
    rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotate @ np.diag([scale * stretch * mirror, scale / stretch])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = rng.uniform(-kinds.shift, kinds.shift, 2) * (width, height)
    return np.hstack([matrix, (centre + shift - matrix @ centre)[:, None]])


def _windowed(
    height: int, width: int, moved: np.ndarray, crop: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """The matrix that lays a random window on the film over the whole picture, and then moves it."""
    share = rng.uniform(*crop, 2)  # of width and height
    start = rng.uniform(0, 1, 2) * (1 - share) * (width, height)
    # pixel centres: a pixel's place is half a pixel into it
    larger = np.vstack([np.hstack([np.diag(1 / share), ((0.5 - start) / share - 0.5)[:, None]]), [0, 0, 1]])
    return moved @ larger


def _trimmed(
    picture: np.ndarray, moved: np.ndarray, trim: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A view of what is left, and the matrix that moves its corners to where those of the whole would go."""
    height, width = picture.shape
    cut = rng.uniform(0, trim) * (height, width)
    top, left = (rng.uniform(0, 1, 2) * cut).astype(int)
    rows, columns = (np.array(picture.shape) - cut).astype(int)
    larger = np.diag([(width - 1) / (columns - 1), (height - 1) / (rows - 1)])
    return picture[top : top + rows, left : left + columns], np.hstack([moved[:, :2] @ larger, moved[:, 2:]])


def _tone_curve(kinds: Augmentation, rng: np.random.Generator) -> np.ndarray:
    grey = np.linspace(0, 1, 256)
    grey = grey ** np.exp(rng.uniform(-kinds.gamma, kinds.gamma))
    grey = (grey - 0.5) * (1 + rng.uniform(-kinds.contrast, kinds.contrast)) + 0.5
    grey += rng.uniform(-kinds.brightness, kinds.brightness)
    return np.clip(grey * 255, 0, 255).astype(np.uint8)


def _sharpened(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unsharp masking, saturated at black and white."""
    amount = rng.uniform(0.2, 1.0)
    smooth = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1.0, 3.0))
    return cv2.addWeighted(picture, 1 + amount, smooth, -amount, 0)


def _shaded(picture: np.ndarray, kinds: Augmentation, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape
    across, down = rng.uniform(-kinds.shade, kinds.shade, 2)
    ramp = 1 + across * np.linspace(-1, 1, width) + down * np.linspace(-1, 1, height)[:, None]
    return cv2.multiply(picture, ramp.astype(np.float32), dtype=cv2.CV_8U)


def _blank_border(picture: np.ndarray, rng: np.random.Generator) -> None:
    height, width = picture.shape
    top, bottom, left, right = (rng.uniform(0, 0.08, 4) * (height, height, width, width)).astype(int)
    picture[:top] = picture[height - bottom :] = 0
    picture[:, :left] = picture[:, width - right :] = 0


def _blank_corner(picture: np.ndarray, rng: np.random.Generator) -> None:
    height, width = picture.shape
    h, w = (rng.uniform(0.05, 0.18, 2) * (height, width)).astype(int)
    rows = slice(0, h) if rng.random() < 0.7 else slice(height - h, height)
    columns = slice(0, w) if rng.random() < 0.5 else slice(width - w, width)
    picture[rows, columns] = rng.integers(0, 60)
