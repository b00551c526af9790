"""The patient and the space they stand in: chest units, the canvas, the pen and curves that organs are painted with.

The patient stands in "chest units": the origin is in the midline at mid-chest, x grows to the patient's left (the right
of the picture), y grows towards the feet, and 1 is half the width of the rib cage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# The canvas, in chest units.
LEFT, TOP, RIGHT, BOTTOM = -1.75, -1.5, 1.75, 1.3
PER_UNIT = 100  # canvas pixels
X = np.arange(LEFT, RIGHT, 1 / PER_UNIT, dtype=np.float32)[None, :]
Y = np.arange(TOP, BOTTOM, 1 / PER_UNIT, dtype=np.float32)[:, None]
SHAPE = (Y.shape[0], X.shape[1])
TO_CANVAS = PER_UNIT * np.array([[1, 0, -LEFT], [0, 1, -TOP]])  # from chest units

# Half the width of the rib cage at each height.
CAGE_Y = (-1.02, -0.98, -0.90, -0.75, -0.50, -0.20, 0.10, 0.40, 0.70, 1.00, 1.50)
CAGE_X = (0.16, 0.32, 0.47, 0.66, 0.82, 0.92, 0.98, 1.00, 1.00, 0.98, 0.94)

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Patient:
    """What differs from one film to the next, in chest units unless said otherwise."""

    zoom: float  # of the chest in the film
    tilt: float  # degrees
    shift: tuple[float, float]
    stocky: float  # soft tissue around the cage
    slope: float  # how steeply the ribs fall
    heart: float  # relative width
    dome: float  # height of the right half of the diaphragm
    arm: float  # height of the elbow
    bubble: float  # size of the air in the stomach
    exposure: float  # relative dose: less dose, more quantum noise
    contrast: float  # of the film curve
    brightness: float
    shutter: np.ndarray  # blackened at the left, top, right and bottom: fraction of the side


def new_patient(rng: np.random.Generator) -> Patient:
    between = rng.uniform
    return Patient(
        zoom=between(0.93, 1.06),
        tilt=between(-3.5, 3.5),
        shift=(between(-0.07, 0.07), between(-0.05, 0.06)),
        stocky=between(0.10, 0.22),
        slope=between(0.85, 1.2),
        heart=between(0.90, 1.12),
        dome=between(0.36, 0.48),
        arm=between(-1.7, -0.7),
        bubble=between(0.5, 1.25),
        exposure=between(0.7, 1.6),
        contrast=between(1.45, 1.75),
        brightness=between(0.92, 1.1),
        shutter=between(-0.09, 0.035, 4).clip(0),  # most sides have none
    )


class Pen:
    """Paints lines and outlines, float [how many, points, 2] in chest units, on one 8-bit layer."""

    def __init__(self, layer: np.ndarray, projection: np.ndarray) -> None:
        self.layer = layer
        self.projection = projection
        self.scale = float(np.hypot(projection[0, 0], projection[1, 0]))  # pixels in one chest unit

    def fill(self, outlines: np.ndarray, value: float) -> None:
        """The outlines of one call must not overlap: cv2 would take the overlap for a hole."""
        cv2.fillPoly(self.layer, self._fixed(outlines), (round(value),), shift=4)

    def stroke(self, lines: np.ndarray, width: float, value: float, closed: bool = False) -> None:
        pixels = max(1, round(width * self.scale))
        cv2.polylines(self.layer, self._fixed(lines), closed, (round(value),), pixels, shift=4)

    def softened(self, blur: float) -> np.ndarray:
        """The layer as focal spot and movement blur it, which hides the steps of its edges too."""
        sigma = max(blur * self.scale, 0.5)
        taps = 2 * round(1.5 * sigma) + 1
        return cv2.GaussianBlur(self.layer, (taps, taps), sigma, dst=self.layer)

    def _fixed(self, lines: np.ndarray) -> list[np.ndarray]:
        pixels = lines @ self.projection[:, :2].T + self.projection[:, 2]
        return list(np.round(pixels * 16).astype(np.int32))  # cv2's fixed point with shift=4


def curve(points: Points, closed: bool = False) -> np.ndarray:
    """A smooth line (Catmull-Rom) through the points: float [n, 2]."""
    p = np.array(points, float)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, 10, endpoint=False)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    line = b + t * (c - a) / 2 + t * t * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    line = line.reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-1:]])


def distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sqrt(x * x + y * y)  # five times as quick as np.hypot
