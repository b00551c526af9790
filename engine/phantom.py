"""Synthetic chest radiographs drawn by our own code: geometry and noise, no picture of anybody.

They are for demonstrations, tests and benchmarks only, never training data for a shipped model: a
network that tells them apart has learned this file, not medicine.

The patient stands in "chest units": the origin is in the midline at mid-chest, x grows to the
patient's left (the right of the picture), y grows towards the feet, and 1 is half the width of the
rib cage. What is smooth (soft tissue, air, heart, diaphragm) is painted on a canvas of fixed size in
these units; what has fine edges (bones, vessels) is painted at the film's own resolution. All of it
is a path length times an attenuation coefficient, so overlapping organs add up, as they do on film.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from . import CLASSES

WHITE = 4095  #: the largest pixel value: films are 12-bit

TISSUE = 2.6  # attenuation (natural log) of the whole depth of the chest, were it all soft tissue
AERATED = 0.76  # how much less than soft tissue an inflated lung attenuates
SCATTER = 0.035  # scattered radiation reaching the detector, as a fraction of the unattenuated beam

BONE = np.float32(0.003)  # attenuation of one grey level of a bone layer

# The canvas, in chest units and in canvas pixels.
LEFT, TOP, RIGHT, BOTTOM = -1.75, -1.5, 1.75, 1.3
PER_UNIT = 120
STEPS = 2000  # of the film curve, for each unit of attenuation
STRIP = 50  # film rows put together at a time: what fits the processor's cache is far quicker
X = np.arange(LEFT, RIGHT, 1 / PER_UNIT, dtype=np.float32)[None, :]
Y = np.arange(TOP, BOTTOM, 1 / PER_UNIT, dtype=np.float32)[:, None]
SHAPE = (Y.shape[0], X.shape[1])

# Half the width of the rib cage at each height, and the heights where ribs 1 to 11 leave the spine.
CAGE_Y = (-1.02, -0.98, -0.90, -0.75, -0.50, -0.20, 0.10, 0.40, 0.70, 1.00, 1.50)
CAGE_X = (0.16, 0.32, 0.47, 0.66, 0.82, 0.92, 0.98, 1.00, 1.00, 0.98, 0.94)
VERTEBRA = 0.172  # from one thoracic vertebra to the next
FIRST_RIB_Y = -1.00

# Where a consolidation can sit: centre, radii, and the fissure that ends it as (x, y, nx, ny):
# a point of the fissure and the direction that points into the lobe.
LOBES = {
    "right upper": ((-0.52, -0.50), (0.46, 0.46), (-0.5, -0.17, 0.10, -1.0)),
    "right middle": ((-0.46, 0.16), (0.38, 0.34), (-0.5, -0.14, 0.05, 1.0)),
    "right lower": ((-0.60, 0.34), (0.42, 0.42), (-0.5, -0.30, -0.3, 1.0)),
    "left upper": ((0.54, -0.42), (0.42, 0.52), (0.5, 0.10, 0.20, -1.0)),
    "left lower": ((0.52, 0.36), (0.44, 0.46), (0.5, -0.20, 0.3, 1.0)),
}


@dataclass(frozen=True)
class _Patient:
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
    shutter: tuple[float, float, float, float]  # blackened left, top, right, bottom: fraction of the side


def _patient(rng: np.random.Generator) -> _Patient:
    between = rng.uniform
    shutters = between(-0.09, 0.035, 4).clip(0)  # most sides have none
    return _Patient(
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
        shutter=(shutters[0], shutters[1], shutters[2], shutters[3]),
    )


def draw(finding: str, seed: int, rows: int = 1000, columns: int = 1300) -> np.ndarray:
    """Draw one frontal chest radiograph of a small child who does not exist.

    For demonstrations, tests and benchmarks only; never training data for a shipped model.

    Parameters
    ----------
    finding : {"normal", "bacteria", "virus"}
        Clear lungs, a lobar consolidation, or a diffuse interstitial pattern.
    seed : int
        Not negative. The same seed is the same patient with the same noise, whatever the finding, so
        two findings of one seed differ in the lungs only.
    rows, columns : int
        Size of the film in pixels, at least 32 each.

    Returns
    -------
    numpy.ndarray
        uint16 ``[rows, columns]``, 0 to 4095 (12 bits), dark = air. The patient's right is on the
        left of the picture, and "PHANTOM" is burnt into a lower corner.
    """
    if finding not in CLASSES:
        raise ValueError(f"finding must be one of {', '.join(CLASSES)}")
    if min(rows, columns) < 32:
        raise ValueError("a film needs at least 32 rows and 32 columns")
    # Separate generators, so that a finding's draws do not move the patient or the noise.
    person, tissue, tree, disease, quanta = (np.random.default_rng([seed, part]) for part in range(5))
    patient = _patient(person)
    to_film = _projection(patient, rows, columns)
    canvas = _soft_tissue(patient, finding, tissue, disease)
    pen = _Pen(to_film, (rows, columns))
    vessels = _vessels(pen, finding, tree)
    behind, before = _ribs(pen, patient)
    others = _other_bones(pen, patient)
    noise = quanta.integers(0, 256, (rows, columns), dtype=np.uint8)
    noise = cv2.GaussianBlur(noise, (3, 3), 0.7)  # the detector smears each quantum a little

    film_curve = _film_curve(patient)
    film = np.empty((rows, columns), np.uint16)
    for top in range(0, rows, STRIP):
        strip = slice(top, top + STRIP)
        attenuation, vascular, tangent, grain = _projected(canvas, to_film, top, film[strip].shape)
        attenuation += vascular * vessels[strip]
        attenuation += tangent * cv2.add(behind[strip], before[strip])
        attenuation += BONE * others[strip]
        attenuation += grain * (noise[strip] - np.float32(127.5))
        film[strip] = _developed(attenuation, film_curve)
    return _marked(film, patient)


# --- the smooth part: soft tissue and air ------------------------------------------------------------


def _soft_tissue(patient: _Patient, finding: str, rng: np.random.Generator, lungs: np.random.Generator) -> np.ndarray:
    """float32 canvas of four channels: attenuation, weight of the vessels, of the ribs, of the noise."""
    half_cage = np.interp(Y[:, 0], CAGE_Y, CAGE_X).astype(np.float32)[:, None]
    from_wall = half_cage - np.abs(X)
    depth = _body(patient, half_cage)
    solid = _solid(patient)
    air = 0.80 * _dome_of(X / (half_cage - 0.03)) * (1 - solid)
    air *= _smoothstep((Y - _apex(X)) / 0.16)
    air *= _clear_of_diaphragm(patient)
    diseased, opacity = _disease(finding, lungs)
    full = air.copy()
    air *= 1 - diseased
    attenuation = TISSUE * (depth - AERATED * air) + opacity * full
    texture = _fractal(rng, 0.5, 5)
    attenuation += 0.05 * texture * _smoothstep(depth / 0.3)  # fat, muscle, blood
    attenuation += 0.10 * _fractal(rng, 0.07, 3) * full
    attenuation += 0.2 * _hila() * full
    attenuation -= _gas(patient, texture, rng)
    attenuation = np.maximum(attenuation, 0)
    vascular = np.where(full > 0, 0.0038 * full * (1 - 1.7 * diseased), 0)  # bronchi show where vessels drown
    tangent = 1 + np.exp(-((from_wall / 0.08) ** 2)) * (1 + 0.4 * Y).clip(0.5, 1.1)
    tangent *= BONE
    quantum = np.exp(attenuation / 2) * (0.00034 / np.sqrt(patient.exposure))
    return cv2.merge([c.astype(np.float32) for c in (attenuation, vascular, tangent, quantum)])


def _body(patient: _Patient, half_cage: np.ndarray) -> np.ndarray:
    """Depth of tissue under each point of the canvas; 1 is the depth of the chest."""
    back = 0.22 * _smoothstep((0.05 - Y) / 0.7)  # the muscles that run from the flank to the arm
    torso = _dome_of(X / (half_cage + patient.stocky + back))
    torso *= _smoothstep((Y + 1.22 + 0.10 * X * X) / 0.40)
    waist = 1 + 0.06 * _smoothstep((Y - 0.4) / 0.6)  # the belly is the thickest part
    neck = 0.85 * _dome_of(X / (0.40 + 0.9 * (Y + 1.3).clip(0, 1) ** 1.5)) * _smoothstep((-0.75 - Y) / 0.2)
    chin = 0.95 * _dome_of(np.hypot(X / 0.62, (Y + 1.75) / 0.42))
    depth = np.maximum(np.maximum(torso * waist, neck), chin)
    for side in (-1, 1):
        depth = np.maximum(depth, _limb((side * 0.30, -0.90), (side * 1.05, -0.86), 0.32))
        depth = np.maximum(depth, _limb((side * 1.05, -0.84), (side * 2.1, patient.arm), 0.25))
    return cv2.GaussianBlur(depth, (0, 0), 3)


def _limb(start: tuple[float, float], end: tuple[float, float], radius: float) -> np.ndarray:
    """Depth of a round limb between two points."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = ((X - start[0]) * dx + (Y - start[1]) * dy) / (dx * dx + dy * dy)
    along = along.clip(0, 1)
    away = (X - start[0] - along * dx) ** 2 + (Y - start[1] - along * dy) ** 2
    return 1.5 * np.sqrt(np.maximum(radius * radius - away, 0))


def _solid(patient: _Patient) -> np.ndarray:
    """How much of the chest's depth the mediastinum and the heart take from the lungs, 0 to 1."""
    left, right = 0.62 * patient.heart, -0.30 * patient.heart
    vessels = [(-0.13, -1.3), (-0.15, -0.9), (-0.19, -0.6), (-0.20, -0.2), (-0.20, 0.9), (0.17, 0.9)]
    vessels += [(0.20, -0.1), (0.20, -0.30), (0.235, -0.42), (0.19, -0.55), (0.15, -0.75), (0.12, -1.3)]
    heart = [(-0.17, -0.25), (right + 0.06, -0.05), (right, 0.18), (right + 0.05, 0.42), (-0.1, 0.62)]
    heart += [(0.3, 0.66), (left - 0.05, 0.54), (left, 0.38), (left - 0.12, 0.12), (0.34, -0.10)]
    heart += [(0.25, -0.24), (0.1, -0.36)]
    solid = 0.84 * _painted(vessels)
    outline = _painted(heart)
    bulk = outline * cv2.blur(cv2.blur(outline, (31, 31)), (31, 31))  # the heart is thinner towards its border
    return np.maximum(solid, 0.48 * outline + 0.30 * bulk)


def _painted(outline: list[tuple[float, float]]) -> np.ndarray:
    """float32 canvas, 1 inside a smooth outline through the points."""
    layer = np.zeros(SHAPE, np.uint8)
    points = (_curve(outline, closed=True) - (LEFT, TOP)) * PER_UNIT
    cv2.fillPoly(layer, [np.round(points * 16).astype(np.int32)], (255,), cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(layer, (7, 7), 1.2).astype(np.float32) / 255


def _apex(x: np.ndarray) -> np.ndarray:
    """Height of the top of the lungs in each column."""
    return -1.0 + 1.6 * (np.abs(x) - 0.38) ** 2


def _clear_of_diaphragm(patient: _Patient) -> np.ndarray:
    """1 above the diaphragm; below it the little air of the recess behind the dome, then none."""
    height = np.zeros_like(X)
    for side, top in ((-1, patient.dome), (1, patient.dome + 0.07)):
        across = (side * X - 0.46) / 0.52
        fall = np.where(across > 0, 0.33 * np.abs(across) ** 2.4, 0.10 * across**2)
        height = np.where(side * X > 0, top + fall, height)
    below = Y - cv2.GaussianBlur(height.astype(np.float32), (0, 0), 4)
    recess = 0.30 * np.exp(-np.maximum(below, 0) / 0.12)
    return recess + (1 - recess) * _smoothstep(0.5 - below * PER_UNIT / 4)


def _hila() -> np.ndarray:
    """The knot of arteries, veins and nodes where each lung hangs."""
    return sum(np.exp(-(((X - x) / 0.11) ** 2) - ((Y + 0.13) / 0.15) ** 2) for x in (-0.25, 0.27))


def _gas(patient: _Patient, wobble: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Attenuation missing where there is gas outside the lungs: trachea, main bronchi, stomach, bowel."""
    airways = np.zeros(SHAPE, np.uint8)
    for line, width in (
        ([(0.0, -1.6), (-0.01, -0.8), (-0.035, -0.46)], 0.10),
        ([(-0.035, -0.46), (-0.17, -0.27)], 0.06),
        ([(-0.035, -0.46), (0.18, -0.29)], 0.055),
    ):
        points = np.round((_curve(line) - (LEFT, TOP)) * PER_UNIT * 16).astype(np.int32)
        cv2.polylines(airways, [points], False, (70,), round(width * PER_UNIT), shift=4)
    gas = cv2.GaussianBlur(airways, (0, 0), 1.7) * np.float32(0.004)
    belly = slice(int((0.3 - TOP) * PER_UNIT), None)
    y, wobble = Y[belly], 0.25 * wobble[belly]
    size = patient.bubble
    stomach = np.hypot((X - 0.42) / (0.24 * size), (y - patient.dome - 0.10 - 0.16 * size) / (0.12 * size))
    gas[belly] += 0.55 * _smoothstep((1.15 - stomach - wobble) / 0.5)
    for _ in range(4):
        at, height, radius = rng.uniform(-0.7, 0.75), rng.uniform(0.98, 1.25), rng.uniform(0.07, 0.16)
        loop = np.hypot(X - at, 1.4 * (y - height)) / radius
        gas[belly] += 0.4 * _smoothstep((1 - loop - wobble) / 0.5)
    return gas


# --- what is wrong with the lungs --------------------------------------------------------------------


def _disease(finding: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The fraction of the air that is replaced (0 to 1), and attenuation added to a whole lung's depth."""
    none = np.zeros(SHAPE, np.float32)
    if finding == "bacteria":
        return _consolidation(rng), none
    if finding == "virus":
        return _interstitial(rng)
    return none, none


def _consolidation(rng: np.random.Generator) -> np.ndarray:
    """One lobe filled: dense and even at its core, fluffy outwards, cut off sharply at the fissure."""
    (x, y), (rx, ry), (fx, fy, nx, ny) = LOBES[list(LOBES)[rng.integers(len(LOBES))]]
    x, y = x + rng.uniform(-0.05, 0.05), y + rng.uniform(-0.05, 0.05)
    size = rng.uniform(0.85, 1.15)
    away = np.hypot((X - x) / (rx * size), (Y - y) / (ry * size))
    core = _smoothstep((1.05 - away + 0.22 * _fractal(rng, 0.22, 5)) / 0.65)
    fissure = _smoothstep(((X - fx) * nx + (Y - fy) * ny) / 0.03 + 0.5)
    lobe = np.where(X * x > 0, fissure, 0)
    return (rng.uniform(0.72, 0.9) * core * lobe).astype(np.float32)


def _interstitial(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Both lungs: a net of fine lines and a haze, densest around the hila."""
    perihilar = sum(np.exp(-np.hypot((X - side * 0.34) / 0.36, (Y - 0.02) / 0.48)) for side in (-1, 1))
    patchy = (0.85 + 0.35 * _fractal(rng, 0.35, 3)).clip(0.3, 1.5)
    net = sum(np.exp(-np.abs(_fractal(rng, cell, 1)) / 0.16) for cell in (0.075, 0.05, 0.035))
    haze = (0.10 + 0.30 * perihilar) * patchy
    lines = 0.26 * net * patchy * (0.45 + perihilar)
    return haze.clip(0, 0.6).astype(np.float32), cv2.GaussianBlur(lines.astype(np.float32), (3, 3), 0.8)


# --- the fine part: vessels and bones ----------------------------------------------------------------


class _Pen:
    """Paints lines and outlines given in chest units on 8-bit layers of the film's size.

    `lines` and `outlines` are float [how many, points, 2], or a list of [points, 2]."""

    def __init__(self, to_film: np.ndarray, shape: tuple[int, int]) -> None:
        self.to_film = to_film
        self.shape = shape
        self.scale = float(np.hypot(to_film[0, 0], to_film[1, 0]))  # film pixels in one chest unit

    def layer(self) -> np.ndarray:
        return np.zeros(self.shape, np.uint8)

    def fill(self, layer: np.ndarray, outlines: "_Lines", value: float) -> None:
        """The outlines of one call may not overlap: cv2 would take the overlap for a hole."""
        cv2.fillPoly(layer, self._fixed(outlines), (round(value),), shift=4)

    def stroke(self, layer: np.ndarray, lines: "_Lines", width: float, value: float, closed: bool = False) -> None:
        pixels = max(1, round(width * self.scale))
        cv2.polylines(layer, self._fixed(lines), closed, (round(value),), pixels, shift=4)

    def soft(self, layer: np.ndarray, blur: float) -> np.ndarray:
        """The layer with the blur of the focal spot and of movement, which also hides the steps of its edges."""
        sigma = max(blur * self.scale, 0.5)
        taps = 2 * round(1.5 * sigma) + 1
        return cv2.GaussianBlur(layer, (taps, taps), sigma)

    def _fixed(self, lines: "_Lines") -> list[np.ndarray]:
        film = np.asarray(lines) @ self.to_film[:, :2].T + self.to_film[:, 2]
        return list(np.round(film * 16).astype(np.int32))  # cv2's fixed point with shift=4


_Lines = np.ndarray | Sequence[np.ndarray]


def _vessels(pen: _Pen, finding: str, rng: np.random.Generator) -> np.ndarray:
    """8-bit layer of the vessels that branch out from both hila."""
    layer = pen.layer()
    thick = 1.25 if finding == "virus" else 1.0  # fluid around bronchi and vessels
    for width, value, lines in reversed(_vessel_tree(rng)):
        for part, first in ((0.4, 6), (0.6, 4), (0.8, 2), (1.0, 0)):  # tapered
            pen.stroke(layer, lines[:, first : first + 3], part * width * thick, (0.3 + 0.7 * part) * value)
    return pen.soft(layer, 0.0035)


def _vessel_tree(rng: np.random.Generator) -> list[tuple[float, int, np.ndarray]]:
    """Width, grey value and centre lines of each generation of branches, the trunks first."""
    fan = np.linspace(-1.45, 1.35, 9)
    angle = np.concatenate([np.pi - fan, fan]) + rng.normal(0, 0.1, 18)
    start = np.stack([np.where(np.cos(angle) < 0, -0.22, 0.24), np.full(18, -0.12)], 1)
    start += rng.normal(0, 0.03, start.shape)
    length = rng.uniform(0.34, 0.60, 18)
    generations = []
    for width, value, children in ((0.030, 150, 4), (0.016, 120, 5), (0.008, 95, 0)):
        step = np.linspace(0, 1, 9)
        bend = angle[:, None] + rng.normal(0, 0.55, (len(angle), 1)) * step
        bend += rng.normal(0, 0.12, (len(angle), 9)).cumsum(1)
        along = np.stack([np.cos(bend), np.sin(bend)], 2) * (length / 8)[:, None, None]
        lines = start[:, None, :] + along.cumsum(1) - along[:, :1]
        generations.append((width, value, lines))
        if children:
            at = rng.integers(2, 9, (len(angle), children))
            start = np.take_along_axis(lines, at[:, :, None], 1).reshape(-1, 2)
            fork = rng.choice([-1, 1], at.shape) * rng.uniform(0.3, 0.85, at.shape)
            angle = (np.take_along_axis(bend, at, 1) + fork).ravel()
            length = (length[:, None] * rng.uniform(0.35, 0.65, at.shape)).ravel()
    return generations


def _ribs(pen: _Pen, patient: _Patient) -> tuple[np.ndarray, np.ndarray]:
    """8-bit layers of the posterior and of the anterior arcs of ribs 1 to 11."""
    behind, before = pen.layer(), pen.layer()
    for number in range(11):
        line, theta = _rib(number, patient)
        posterior = np.interp(theta, (0, 0.4), (1, 0))  # the layers add up where one takes over
        ending = np.interp(theta[-1] - theta, (0, 0.25), (0, 1))  # bone becomes cartilage
        back, front = theta < 0.4, theta > 0
        broad = np.interp(theta, (-1.5, 0, 1), (0.030, 0.018, 0.034))
        _bone(pen, behind, line[back], broad[back], 75, 125, posterior[back])
        _bone(pen, before, line[front], broad[front], 66, 95, (ending * (1 - posterior))[front])
    return pen.soft(behind, 0.0032), pen.soft(before, 0.0045)


def _rib(number: int, patient: _Patient) -> tuple[np.ndarray, np.ndarray]:
    """The centre line of a left rib from the spine to its cartilage, and the angle around the chest
    of each of its points: -pi/2 at the back, 0 at the side, pi/2 at the front.

    A rib is a ring tilted forwards: seen from the front, an ellipse whose upper half is the back."""
    spine_y = FIRST_RIB_Y + VERTEBRA * number
    drop = patient.slope * np.interp(number, (0, 2, 6, 10), (0.10, 0.24, 0.40, 0.36))
    wide = np.interp(spine_y + drop, CAGE_Y, CAGE_X) - 0.01
    reach = np.interp(number, (0, 1, 6, 8, 10), (1.15, 1.1, 0.95, 0.6, 0.5))
    theta = np.concatenate([np.linspace(-1.5, 0, 20), np.linspace(0.1, 0.4, 4), np.linspace(0.45, reach, 7)])
    across = wide * np.cos(theta) ** 0.8
    fall = np.where(theta < 0, 1, 1.05) * drop
    rise = min(number, 4) * 0.012 * np.sin(np.pi * (across / wide).clip(0, 1)) ** 2 * (theta < 0)
    return np.stack([across, spine_y + drop + fall * np.sin(theta) - rise], 1), theta


def _bone(
    pen: _Pen,
    layer: np.ndarray,
    line: np.ndarray,
    half_width: np.ndarray,
    marrow: int,
    cortex: int,
    strength: np.ndarray | None = None,
) -> None:
    """A long bone and its twin on the other side: a band around `line`, denser along its two edges.
    `strength` fades it along the line."""
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1) * (half_width / np.hypot(*along.T))[:, None]
    band = _both(np.stack([line + across, line - across]))  # [side, edge, points, 2]
    edges = _both(np.stack([line + 0.8 * across, line - 0.8 * across]))
    strength = np.ones(len(line)) if strength is None else strength
    start = 0
    for end in np.flatnonzero(np.diff(strength, append=-1.0)):  # a run of equal strength is one piece
        piece = slice(start, min(end + 2, len(line)))
        start = end + 1
        if strength[end] > 0 and piece.stop - piece.start > 1:
            outline = np.concatenate([band[:, 0, piece], band[:, 1, piece][:, ::-1]], 1)
            pen.fill(layer, outline, marrow * strength[end])
            lines = edges[:, :, piece].reshape(4, -1, 2)
            pen.stroke(layer, lines, 0.009, cortex * strength[end])


def _other_bones(pen: _Pen, patient: _Patient) -> np.ndarray:
    """8-bit layer of everything but the ribs."""
    layer = pen.layer()
    _spine(pen, layer)
    _girdle(pen, layer, patient)
    return pen.soft(layer, 0.0035)


def _spine(pen: _Pen, layer: np.ndarray) -> None:
    for number in range(-3, 15):
        y = FIRST_RIB_Y + VERTEBRA * (number + 0.1)
        half, corner = 0.115 + 0.003 * number, VERTEBRA / 2 - 0.018
        process = np.array([(0.08, y - 0.02), (0.15, y - 0.03), (0.20, y - 0.045)])
        _bone(pen, layer, process, _rounded(0.030, 0.026, 3), 75, 95)
        body = [(-half, y - corner), (0, y - corner + 0.008), (half, y - corner), (half - 0.018, y)]
        body += [(half, y + corner), (0, y + corner - 0.008), (-half, y + corner), (0.018 - half, y)]
        outline = _curve(body, closed=True)[None]
        pen.fill(layer, outline, 90)
        pen.stroke(layer, outline, 0.012, 155, closed=True)
        pen.stroke(layer, _both(_ellipse(half * 0.62, y - 0.02, 0.022, 0.034)), 0.012, 155, closed=True)
        pen.fill(layer, _ellipse(0, y + 0.045, 0.014, 0.040)[None], 170)


def _girdle(pen: _Pen, layer: np.ndarray, patient: _Patient) -> None:
    """Clavicles, scapulae and upper arms."""
    blade = [(0.74, -0.84), (0.92, -0.86), (1.10, -0.76), (1.06, -0.45), (1.00, -0.14), (0.95, -0.12)]
    blade += [(0.88, -0.40), (0.78, -0.68)]
    outline = _both(_curve(blade, closed=True))
    pen.fill(layer, outline, 30)
    pen.stroke(layer, outline, 0.009, 50, closed=True)
    pen.stroke(layer, _both(_curve(blade[2:5])), 0.030, 62)  # its thick lateral border
    ridge = _curve([(0.80, -0.74), (0.96, -0.86), (1.12, -0.97)])  # the spine of the scapula
    _bone(pen, layer, ridge, _rounded(0.018, 0.040, len(ridge)), 58, 72)
    pen.fill(layer, _both(_ellipse(1.09, -0.80, 0.035, 0.075)), 85)  # its socket
    head = _both(_ellipse(1.20, -0.835, 0.070, 0.078))
    pen.fill(layer, head, 80)
    pen.stroke(layer, head, 0.010, 112, closed=True)
    shaft = _curve([(1.25, -0.82), (1.45, -0.82 + 0.12 * (patient.arm + 0.8)), (2.1, patient.arm)])
    _bone(pen, layer, shaft, np.interp(np.arange(len(shaft)), (0, 7, 20), (0.092, 0.062, 0.052)), 85, 150)
    clavicle = _curve([(0.12, -0.72), (0.30, -0.82), (0.50, -0.87), (0.74, -0.97), (0.98, -1.02)])
    _bone(pen, layer, clavicle, _rounded(0.044, 0.030, len(clavicle)), 110, 165)


# --- from attenuation to film ------------------------------------------------------------------------


def _projection(patient: _Patient, rows: int, columns: int) -> np.ndarray:
    """The 2 x 3 matrix from chest units to film pixels."""
    scale = patient.zoom * min(rows / 2.08, columns / 2.40)
    turn = np.deg2rad(patient.tilt)
    turned = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.array([columns / 2, rows / 2]) + scale * np.array(patient.shift)
    return np.column_stack([turned, centre - turned @ (0.0, -0.06)])


def _projected(canvas: np.ndarray, to_film: np.ndarray, top: int, shape: tuple[int, ...]) -> Sequence[np.ndarray]:
    """The channels of the canvas as they fall on the film rows from `top` on."""
    from_canvas = np.array([[1 / PER_UNIT, 0, LEFT], [0, 1 / PER_UNIT, TOP], [0, 0, 1]])
    matrix = to_film @ from_canvas - np.array([[0, 0, 0], [0, 0, top]])
    return cv2.split(cv2.warpAffine(canvas, matrix, shape[::-1], borderMode=cv2.BORDER_REPLICATE))


def _film_curve(patient: _Patient) -> np.ndarray:
    """uint16 table from attenuation to pixel value: scatter joins the transmitted beam, the detector
    takes the logarithm, and the film curve follows."""
    mu = np.arange(5 * STEPS) / STEPS
    seen = -np.log((np.exp(-mu) + SCATTER) / (1 + SCATTER))
    curve = 1 - np.exp(-((seen * patient.brightness / 1.75) ** patient.contrast))
    return np.round(0.97 * WHITE * curve / curve[-1]).astype(np.uint16)


def _developed(attenuation: np.ndarray, film_curve: np.ndarray) -> np.ndarray:
    index = (attenuation * STEPS).clip(0, len(film_curve) - 1).astype(np.uint16)
    return np.take(film_curve, index)


def _marked(film: np.ndarray, patient: _Patient) -> np.ndarray:
    """Black outside the shutters, with the side marker and the word that says what this is."""
    rows, columns = film.shape
    left, top, right, bottom = patient.shutter
    film[: round(top * rows)] = 0
    film[rows - round(bottom * rows) :] = 0
    film[:, : round(left * columns)] = 0
    film[:, columns - round(right * columns) :] = 0
    size = min(rows, columns) / 1000
    _write(film, "R", (0.06, 0.16), 2.0 * size)
    _write(film, "PHANTOM", (0.03, 0.97), 0.9 * size)
    return film


def _write(film: np.ndarray, text: str, at: tuple[float, float], size: float) -> None:
    layer = np.zeros(film.shape, np.uint8)
    rows, columns = film.shape
    thick = max(1, round(2 * size))
    place = (round(at[0] * columns), round(at[1] * rows))
    cv2.putText(layer, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (255,), thick, cv2.LINE_AA)
    np.maximum(film, layer * np.uint16(WHITE // 255), out=film)


# --- small geometry ----------------------------------------------------------------------------------


def _dome_of(across: np.ndarray) -> np.ndarray:
    """Depth of a round body at a fraction `across` of its half width: 1 in the middle, 0 at the edge."""
    return np.sqrt(np.maximum(1 - across * across, 0))


def _smoothstep(t: np.ndarray) -> np.ndarray:
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


def _rounded(half_width: float, other: float, points: int) -> np.ndarray:
    """Half widths along a bone with round ends."""
    return np.linspace(half_width, other, points) * np.sqrt(1.02 - np.linspace(-1, 1, points) ** 8)


def _both(line: np.ndarray) -> np.ndarray:
    """[2, ...]: what was drawn for the patient's left, and its mirror image."""
    return np.stack([line, line * (-1, 1)])


def _ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], 1)


def _curve(points: list[tuple[float, float]], closed: bool = False) -> np.ndarray:
    """A smooth line (Catmull-Rom) through the points: float [n, 2]."""
    p = np.array(points, float)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, 10, endpoint=False)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    line = b + t * (c - a) / 2 + t * t * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    line = line.reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-1:]])
