"""What is smooth on a film: soft tissue, the air in the lungs, the heart, the diaphragm, and disease, as canvases."""

import cv2
import numpy as np

from .anatomy import (
    BOTTOM,
    CAGE_X,
    CAGE_Y,
    LEFT,
    PER_UNIT,
    RIGHT,
    SHAPE,
    TO_CANVAS,
    TOP,
    Patient,
    Pen,
    Points,
    X,
    Y,
    curve,
    distance,
)

TISSUE = 2.6  # attenuation (natural logarithm) of the whole depth of the chest, were it all soft tissue
AERATED = 0.76  # how much less than soft tissue an inflated lung attenuates
VESSEL, BONE = 0.0034, 0.003  # attenuation of one grey level of the layers of vessels and bones
NOISE = 0.00034  # of one grey level of the noise where nothing attenuates, at the usual dose

# Where a consolidation can sit: centre, radii, a point of the fissure that ends it, the direction into the lobe.
LOBES = (
    ((-0.52, -0.50), (0.46, 0.46), (-0.5, -0.17), (0.1, -1.0)),  # right upper
    ((-0.46, 0.16), (0.38, 0.34), (-0.5, -0.14), (0.05, 1.0)),  # right middle
    ((-0.60, 0.34), (0.42, 0.42), (-0.5, -0.30), (-0.3, 1.0)),  # right lower
    ((0.54, -0.42), (0.42, 0.52), (0.5, 0.10), (0.2, -1.0)),  # left upper
    ((0.52, 0.36), (0.44, 0.46), (0.5, -0.20), (0.3, 1.0)),  # left lower
)


def soft_tissue(patient: Patient, finding: str, rng: np.random.Generator, lungs: np.random.Generator) -> np.ndarray:
    """float32 canvas of four channels: attenuation, weight of the vessels, of the ribs, of the noise."""
    half_cage = np.interp(Y, CAGE_Y, CAGE_X).astype(np.float32)
    apex = -1.0 + 1.6 * (np.abs(X) - 0.38) ** 2
    air = 0.80 * _round(X / (half_cage - 0.03)) * (1 - _solid(patient))
    air *= _smooth_step((Y - apex) / 0.16) * _above_diaphragm(patient)
    filled, opacity = _disease(finding, lungs)

    depth = _body(patient, half_cage)
    texture = _fractal(rng, 0.5, 5)
    attenuation = TISSUE * (depth - AERATED * air * (1 - filled))
    attenuation += 0.05 * texture * _smooth_step(depth / 0.3)  # fat and muscle
    hila = np.exp(-(((np.abs(X) - 0.26) / 0.11) ** 2) - ((Y + 0.13) / 0.15) ** 2)  # the roots of the lungs
    attenuation += air * (0.10 * _fractal(rng, 0.07, 3) + 0.2 * hila + opacity)
    attenuation = np.maximum(attenuation - _gas(patient, texture, rng), 0)

    vascular = VESSEL * air * (1 - 1.7 * filled)  # below 0 where fluid drowns the vessels: air bronchograms
    from_wall = half_cage - np.abs(X)
    tangent = BONE * (1 + np.exp(-((from_wall / 0.08) ** 2)) * (1 + 0.8 * Y).clip(0.1, 1.1))
    grain = NOISE / patient.exposure**0.5 * np.exp(attenuation / 2)  # fewer quanta, more noise
    attenuation -= 127.5 * grain  # the noise has grey levels of 0 to 255
    return cv2.merge([channel.astype(np.float32) for channel in (attenuation, vascular, tangent, grain)])


def _body(patient: Patient, half_cage: np.ndarray) -> np.ndarray:
    """Depth of tissue under each point of the canvas; 1 is the depth of the chest."""
    back = 0.22 * _smooth_step((0.05 - Y) / 0.7)  # the muscles that run from the flank to the arm
    torso = _round(X / (half_cage + patient.stocky + back))
    torso *= _smooth_step((Y + 1.22 + 0.10 * X * X) / 0.40)
    waist = 1 + 0.06 * _smooth_step((Y - 0.4) / 0.6)  # the belly is the thickest part
    neck = 0.85 * _round(X / (0.40 + 0.9 * (Y + 1.3).clip(0, 1) ** 1.5)) * _smooth_step((-0.75 - Y) / 0.2)
    chin = 0.95 * _round(distance(X / 0.62, (Y + 1.75) / 0.42))
    depth = np.maximum(np.maximum(torso * waist, neck), chin)
    depth = np.maximum(depth, _limbs((0.30, -0.90), (1.05, -0.86), 0.32))
    depth = np.maximum(depth, _limbs((1.05, -0.84), (2.1, patient.arm), 0.25))
    return cv2.GaussianBlur(depth, (0, 0), 2.5)


def _limbs(start: tuple[float, float], end: tuple[float, float], radius: float) -> np.ndarray:
    """Depth of a round limb between two points on the left, and of its twin on the right."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    x, y = np.abs(X) - start[0], Y - start[1]
    along = (x * (dx / (dx * dx + dy * dy)) + y * (dy / (dx * dx + dy * dy))).clip(0, 1)
    away = (x - along * dx) ** 2 + (y - along * dy) ** 2
    return 1.5 * np.sqrt(np.maximum(radius * radius - away, 0))


def _solid(patient: Patient) -> np.ndarray:
    """How much of the chest's depth the mediastinum and the heart take from the lungs, 0 to 1."""
    left, right = 0.62 * patient.heart, -0.30 * patient.heart
    vessels = [(-0.13, -1.3), (-0.15, -0.9), (-0.19, -0.6), (-0.20, -0.2), (-0.20, 0.9), (0.17, 0.9)]
    vessels += [(0.20, -0.1), (0.20, -0.30), (0.235, -0.42), (0.19, -0.55), (0.15, -0.75), (0.12, -1.3)]
    heart = [(-0.17, -0.25), (right + 0.06, -0.05), (right, 0.18), (right + 0.05, 0.42), (-0.1, 0.62)]
    heart += [(0.3, 0.66), (left - 0.05, 0.54), (left, 0.38), (left - 0.12, 0.12), (0.34, -0.10), (0.1, -0.36)]
    outline = _painted(heart)
    bulk = cv2.blur(cv2.blur(outline, (25, 25)), (25, 25))  # the heart is thinner towards its border
    return np.maximum(0.84 * _painted(vessels), outline * (0.48 + 0.30 * bulk))


def _painted(outline: Points) -> np.ndarray:
    """float32 canvas, 1 inside a smooth outline through the points."""
    layer = np.zeros(SHAPE, np.uint8)
    Pen(layer, TO_CANVAS).fill(curve(outline, closed=True)[None], 255)
    return cv2.GaussianBlur(layer, (5, 5), 1.0) * np.float32(1 / 255)


def _above_diaphragm(patient: Patient) -> np.ndarray:
    """1 above the diaphragm; below it the little air of the recess behind the dome, then none."""
    height = np.zeros_like(X)
    for side, top in ((-1, patient.dome), (1, patient.dome + 0.07)):  # the liver lifts the right dome
        across = (side * X - 0.46) / 0.52
        fall = np.where(across > 0, 0.33 * np.abs(across) ** 2.4, 0.10 * across**2)
        height = np.where(side * X > 0, top + fall, height)
    below = Y - cv2.GaussianBlur(height, (0, 0), 3)
    recess = 0.30 * np.exp(-np.maximum(below, 0) / 0.12)
    return recess + (1 - recess) * _smooth_step(0.5 - below * PER_UNIT / 3)


def _gas(patient: Patient, wobble: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Attenuation missing where there is gas outside the lungs: trachea, main bronchi, stomach, bowel."""
    pen, carina = Pen(np.zeros(SHAPE, np.uint8), TO_CANVAS), (-0.035, -0.46)
    pen.stroke(curve([(0.0, -1.6), (-0.01, -0.8), carina])[None], 0.10, 70)
    pen.stroke(np.array([[(-0.17, -0.27), carina, (0.18, -0.29)]]), 0.058, 70)
    gas = cv2.GaussianBlur(pen.layer, (0, 0), 1.4) * np.float32(0.004)
    belly = slice(round((0.3 - TOP) * PER_UNIT), None)
    y, wobble, size = Y[belly], 0.25 * wobble[belly], patient.bubble
    stomach = distance((X - 0.42) / (0.24 * size), (y - patient.dome - 0.10 - 0.16 * size) / (0.12 * size))
    gas[belly] += 0.55 * _smooth_step((1.15 - stomach - wobble) / 0.5)
    for _ in range(4):
        at, height, radius = rng.uniform(-0.7, 0.75), rng.uniform(0.98, 1.25), rng.uniform(0.07, 0.16)
        loop = distance((X - at) / radius, 1.4 * (y - height) / radius)
        gas[belly] += 0.4 * _smooth_step((1 - loop - wobble) / 0.5)
    return gas


def _disease(finding: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """float32 canvases: the fraction of the lung's air that is replaced, and the attenuation of what is added."""
    nothing = np.zeros(SHAPE, np.float32)
    if finding == "bacteria":
        return _consolidation(rng), nothing
    return _interstitial(rng) if finding == "virus" else (nothing, nothing)


def _consolidation(rng: np.random.Generator) -> np.ndarray:
    """One lobe filled: dense and even at its core, fluffy outwards, cut off sharply at the fissure."""
    centre, radii, (fissure_x, fissure_y), (into_x, into_y) = LOBES[rng.integers(len(LOBES))]
    x, y = centre + rng.uniform(-0.05, 0.05, 2)
    rx, ry = np.multiply(radii, rng.uniform(0.85, 1.15))
    away = distance((X - np.float32(x)) / np.float32(rx), (Y - np.float32(y)) / np.float32(ry))
    core = _smooth_step((1.05 - away + 0.22 * _fractal(rng, 0.22, 5)) / 0.65)
    lobe = _smooth_step(((X - fissure_x) * into_x + (Y - fissure_y) * into_y) / 0.03 + 0.5)
    return rng.uniform(0.72, 0.9) * core * np.where(X * centre[0] > 0, lobe, 0)  # never across the midline


def _interstitial(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Both lungs: a haze and a net of fine lines, densest around the hila."""
    perihilar = np.exp(-distance((np.abs(X) - 0.34) / 0.36, (Y - 0.02) / 0.48))
    patchy = (0.85 + 0.35 * _fractal(rng, 0.35, 3)).clip(0.3, 1.5)
    net = np.zeros(SHAPE, np.float32)
    for cell in (0.075, 0.05, 0.035):
        net += np.exp(-np.abs(_fractal(rng, cell, 1)) / 0.16)  # lines where the noise crosses zero
    return ((0.10 + 0.30 * perihilar) * patchy).clip(0, 0.6), 0.22 * net * patchy * (0.45 + perihilar)


def _round(across: np.ndarray) -> np.ndarray:
    """Depth of a round body at a fraction `across` of its half width: 1 in the middle, 0 at the edge."""
    return np.sqrt(np.maximum(1 - across * across, 0))


def _smooth_step(t: np.ndarray) -> np.ndarray:
    t = t.clip(0, 1)
    return t * t * (3 - 2 * t)


def _fractal(rng: np.random.Generator, cell: float, octaves: int) -> np.ndarray:
    """Smooth noise on the canvas, deviation about 0.6: each octave has half the cell and half the height."""
    total = np.zeros(SHAPE, np.float32)
    for octave in range(octaves):
        size = cell / 2**octave
        grid = (int((BOTTOM - TOP) / size) + 3, int((RIGHT - LEFT) / size) + 3)
        noise = rng.standard_normal(grid, dtype=np.float32)
        total += cv2.resize(noise, SHAPE[::-1], interpolation=cv2.INTER_CUBIC) * 0.5**octave
    return total
