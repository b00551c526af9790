"""Synthetic chest radiographs drawn by our own code: geometry and noise, no picture of anybody.

For demonstrations, tests and benchmarks only, never training data for a shipped model: a network that
tells these films apart has learned this file, not medicine.

The patient stands in "chest units": the origin is in the midline at mid-chest, x grows to the
patient's left (the right of the picture), y grows towards the feet, and 1 is half the width of the
rib cage. What is smooth (soft tissue, air, heart, diaphragm) is painted on a canvas of fixed size in
these units; what has fine edges (bones, vessels) is painted at the film's own resolution. All of it is
attenuation along the beam, so organs that lie over one another add up, as they do on film.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from . import CLASSES

WHITE = 4095  #: the largest pixel value: films are 12-bit
SMALLEST = 32  #: fewest rows or columns of a film

TISSUE = 2.6  # attenuation (natural logarithm) of the whole depth of the chest, were it all soft tissue
AERATED = 0.76  # how much less than soft tissue an inflated lung attenuates
VESSEL, BONE = 0.0034, 0.003  # attenuation of one grey level of the layers of vessels and bones
SCATTER = 0.035  # scattered radiation that reaches the detector, as a fraction of the unattenuated beam
NOISE = 0.00034  # of one grey level of the noise where nothing attenuates, at the usual dose
STEPS = 2000  # of the film curve, for each unit of attenuation
STRIP = 25  # film rows put together at a time: what stays in the processor's cache is far quicker

# The canvas, in chest units.
LEFT, TOP, RIGHT, BOTTOM = -1.75, -1.5, 1.75, 1.3
PER_UNIT = 100  # canvas pixels
X = np.arange(LEFT, RIGHT, 1 / PER_UNIT, dtype=np.float32)[None, :]
Y = np.arange(TOP, BOTTOM, 1 / PER_UNIT, dtype=np.float32)[:, None]
SHAPE = (Y.shape[0], X.shape[1])
TO_CANVAS = PER_UNIT * np.array([[1, 0, -LEFT], [0, 1, -TOP]])  # from chest units

# Half the width of the rib cage at each height, and the heights where ribs 1 to 11 leave the spine.
CAGE_Y = (-1.02, -0.98, -0.90, -0.75, -0.50, -0.20, 0.10, 0.40, 0.70, 1.00, 1.50)
CAGE_X = (0.16, 0.32, 0.47, 0.66, 0.82, 0.92, 0.98, 1.00, 1.00, 0.98, 0.94)
VERTEBRA = 0.172  # from one thoracic vertebra to the next
FIRST_RIB_Y = -1.00

# Where a consolidation can sit: centre, radii, a point of the fissure that ends it, the direction into the lobe.
LOBES = (
    ((-0.52, -0.50), (0.46, 0.46), (-0.5, -0.17), (0.1, -1.0)),  # right upper
    ((-0.46, 0.16), (0.38, 0.34), (-0.5, -0.14), (0.05, 1.0)),  # right middle
    ((-0.60, 0.34), (0.42, 0.42), (-0.5, -0.30), (-0.3, 1.0)),  # right lower
    ((0.54, -0.42), (0.42, 0.52), (0.5, 0.10), (0.2, -1.0)),  # left upper
    ((0.52, 0.36), (0.44, 0.46), (0.5, -0.20), (0.3, 1.0)),  # left lower
)

Points = Sequence[tuple[float, float]]


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
    shutter: np.ndarray  # blackened at the left, top, right and bottom: fraction of the side


def _patient(rng: np.random.Generator) -> _Patient:
    between = rng.uniform
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
        shutter=between(-0.09, 0.035, 4).clip(0),  # most sides have none
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
    if min(rows, columns) < SMALLEST:
        raise ValueError(f"a film needs at least {SMALLEST} rows and columns")
    # Separate generators, so that a finding's draws do not move the patient or the noise.
    person, tissue, tree, disease, quanta = (np.random.default_rng([seed, part]) for part in range(5))
    patient = _patient(person)
    to_film = _projection(patient, rows, columns)
    canvas = _soft_tissue(patient, finding, tissue, disease)
    pens = (_Pen(np.zeros((rows, columns), np.uint8), to_film) for _ in range(4))
    vessels = _vessels(next(pens), finding, tree)
    ribs = _ribs(next(pens), next(pens), patient)
    others = _spine_and_shoulders(next(pens), patient)
    noise = quanta.integers(0, 256, (rows, columns), dtype=np.uint8)
    cv2.GaussianBlur(noise, (3, 3), 0.7, dst=noise)  # the detector smears each quantum a little

    film_curve = _film_curve(patient)
    from_canvas = to_film @ np.array([[1 / PER_UNIT, 0, LEFT], [0, 1 / PER_UNIT, TOP], [0, 0, 1]])
    film = np.empty((rows, columns), np.uint16)
    buffers = np.empty((STRIP, columns, 4), np.float32), *np.empty((4, STRIP, columns), np.float32)
    for top in range(0, rows, STRIP):
        strip = slice(top, min(top + STRIP, rows))
        projected, *channels = (buffer[: strip.stop - top] for buffer in buffers)
        shifted = from_canvas - np.array([[0, 0, 0], [0, 0, top]])
        cv2.warpAffine(canvas, shifted, projected.shape[1::-1], dst=projected, borderMode=cv2.BORDER_REPLICATE)
        attenuation, vascular, tangent, grain = cv2.split(projected, channels)
        for weight, layer in ((vascular, vessels), (tangent, ribs), (grain, noise)):
            weight *= layer[strip]
            attenuation += weight
        attenuation += others[strip] * np.float32(BONE)
        attenuation *= STEPS
        film[strip] = np.take(film_curve, attenuation.clip(0, len(film_curve) - 1).astype(np.uint16))
    _mark(film, patient)
    return film


def _soft_tissue(patient: _Patient, finding: str, rng: np.random.Generator, lungs: np.random.Generator) -> np.ndarray:
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


def _body(patient: _Patient, half_cage: np.ndarray) -> np.ndarray:
    """Depth of tissue under each point of the canvas; 1 is the depth of the chest."""
    back = 0.22 * _smooth_step((0.05 - Y) / 0.7)  # the muscles that run from the flank to the arm
    torso = _round(X / (half_cage + patient.stocky + back))
    torso *= _smooth_step((Y + 1.22 + 0.10 * X * X) / 0.40)
    waist = 1 + 0.06 * _smooth_step((Y - 0.4) / 0.6)  # the belly is the thickest part
    neck = 0.85 * _round(X / (0.40 + 0.9 * (Y + 1.3).clip(0, 1) ** 1.5)) * _smooth_step((-0.75 - Y) / 0.2)
    chin = 0.95 * _round(_distance(X / 0.62, (Y + 1.75) / 0.42))
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


def _solid(patient: _Patient) -> np.ndarray:
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
    _Pen(layer, TO_CANVAS).fill(_curve(outline, closed=True)[None], 255)
    return cv2.GaussianBlur(layer, (5, 5), 1.0) * np.float32(1 / 255)


def _above_diaphragm(patient: _Patient) -> np.ndarray:
    """1 above the diaphragm; below it the little air of the recess behind the dome, then none."""
    height = np.zeros_like(X)
    for side, top in ((-1, patient.dome), (1, patient.dome + 0.07)):  # the liver lifts the right dome
        across = (side * X - 0.46) / 0.52
        fall = np.where(across > 0, 0.33 * np.abs(across) ** 2.4, 0.10 * across**2)
        height = np.where(side * X > 0, top + fall, height)
    below = Y - cv2.GaussianBlur(height, (0, 0), 3)
    recess = 0.30 * np.exp(-np.maximum(below, 0) / 0.12)
    return recess + (1 - recess) * _smooth_step(0.5 - below * PER_UNIT / 3)


def _gas(patient: _Patient, wobble: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Attenuation missing where there is gas outside the lungs: trachea, main bronchi, stomach, bowel."""
    pen, carina = _Pen(np.zeros(SHAPE, np.uint8), TO_CANVAS), (-0.035, -0.46)
    pen.stroke(_curve([(0.0, -1.6), (-0.01, -0.8), carina])[None], 0.10, 70)
    pen.stroke(np.array([[(-0.17, -0.27), carina, (0.18, -0.29)]]), 0.058, 70)
    gas = cv2.GaussianBlur(pen.layer, (0, 0), 1.4) * np.float32(0.004)
    belly = slice(round((0.3 - TOP) * PER_UNIT), None)
    y, wobble, size = Y[belly], 0.25 * wobble[belly], patient.bubble
    stomach = _distance((X - 0.42) / (0.24 * size), (y - patient.dome - 0.10 - 0.16 * size) / (0.12 * size))
    gas[belly] += 0.55 * _smooth_step((1.15 - stomach - wobble) / 0.5)
    for _ in range(4):
        at, height, radius = rng.uniform(-0.7, 0.75), rng.uniform(0.98, 1.25), rng.uniform(0.07, 0.16)
        loop = _distance((X - at) / radius, 1.4 * (y - height) / radius)
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
    away = _distance((X - np.float32(x)) / np.float32(rx), (Y - np.float32(y)) / np.float32(ry))
    core = _smooth_step((1.05 - away + 0.22 * _fractal(rng, 0.22, 5)) / 0.65)
    lobe = _smooth_step(((X - fissure_x) * into_x + (Y - fissure_y) * into_y) / 0.03 + 0.5)
    return rng.uniform(0.72, 0.9) * core * np.where(X * centre[0] > 0, lobe, 0)  # never across the midline


def _interstitial(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Both lungs: a haze and a net of fine lines, densest around the hila."""
    perihilar = np.exp(-_distance((np.abs(X) - 0.34) / 0.36, (Y - 0.02) / 0.48))
    patchy = (0.85 + 0.35 * _fractal(rng, 0.35, 3)).clip(0.3, 1.5)
    net = np.zeros(SHAPE, np.float32)
    for cell in (0.075, 0.05, 0.035):
        net += np.exp(-np.abs(_fractal(rng, cell, 1)) / 0.16)  # lines where the noise crosses zero
    return ((0.10 + 0.30 * perihilar) * patchy).clip(0, 0.6), 0.22 * net * patchy * (0.45 + perihilar)


class _Pen:
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


def _vessels(pen: _Pen, finding: str, rng: np.random.Generator) -> np.ndarray:
    """8-bit layer of the vessels that branch out from both hila."""
    thick = 1.25 if finding == "virus" else 1.0  # fluid around bronchi and vessels
    for width, value, lines in reversed(_vessel_tree(rng)):
        for part, first in ((0.4, 6), (0.6, 4), (0.8, 2), (1.0, 0)):  # tapered
            pen.stroke(lines[:, first : first + 3], part * width * thick, (0.3 + 0.7 * part) * value)
    return pen.softened(0.006)


def _vessel_tree(rng: np.random.Generator) -> list[tuple[float, int, np.ndarray]]:
    """Width, grey value and centre lines of each generation of branches, the trunks first."""
    fan = np.linspace(-1.45, 1.35, 9)
    angle = np.concatenate([np.pi - fan, fan]) + rng.normal(0, 0.1, 18)
    start = np.stack([np.where(np.cos(angle) < 0, -0.22, 0.24), np.full(18, -0.12)], 1)
    start += rng.normal(0, 0.03, start.shape)
    length = rng.uniform(0.34, 0.60, 18)
    generations = []
    for width, value, children in ((0.030, 130, 4), (0.016, 100, 5), (0.008, 85, 0)):
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


def _ribs(behind: _Pen, before: _Pen, patient: _Patient) -> np.ndarray:
    """8-bit layer of ribs 1 to 11: the posterior arcs and the anterior arcs, painted apart and added up.

    A rib is a ring tilted forwards: seen from the front, an ellipse whose upper half is the back. `theta`
    goes around it: -pi/2 at the spine, 0 at the side, pi/2 at the breastbone."""
    number = np.arange(11)[:, None]
    spine_y = FIRST_RIB_Y + VERTEBRA * number
    drop = patient.slope * np.interp(number, (0, 2, 6, 10), (0.10, 0.24, 0.40, 0.36))
    wide = np.interp(spine_y + drop, CAGE_Y, CAGE_X) - 0.01
    reach = np.interp(number, (0, 1, 6, 8, 10), (1.15, 1.1, 0.95, 0.6, 0.5))
    around = np.concatenate([np.linspace(-1.5, 0, 20), (0.1, 0.2, 0.3), np.linspace(0.4, 1, 9)])
    theta = np.where(around > 0.4, 0.4 + (reach - 0.4) * (around - 0.4) / 0.6, around)
    across = wide * np.cos(theta) ** 0.8
    fall = np.where(theta < 0, 1, 1.05) * drop * np.sin(theta)
    rise = np.minimum(number, 4) * 0.012 * np.sin(np.pi * (across / wide).clip(0, 1)) ** 2 * (theta < 0)
    lines = np.stack([across, spine_y + drop + fall - rise], 2)

    posterior = np.interp(around, (0, 0.4), (1, 0))  # the layers add up where one takes over
    anterior = np.interp(around, (0, 0.4, 0.8, 1), (0, 1, 1, 0))  # bone becomes cartilage
    broad = np.interp(around, (-1.5, 0, 1), (0.030, 0.018, 0.034))
    back, front = around <= 0.4, around >= 0
    _bones(behind, lines[:, back], broad[back], 72, 118, posterior[back])
    _bones(before, lines[:, front], broad[front], 66, 95, anterior[front])
    cv2.add(behind.layer, before.layer, dst=behind.layer)
    return behind.softened(0.005)


def _bones(
    pen: _Pen, lines: np.ndarray, half_width: np.ndarray, marrow: int, cortex: int, strength: np.ndarray | None = None
) -> None:
    """Long bones and their twins on the other side: bands around `lines` [how many, points, 2], denser
    along their two edges. `strength` fades them along the line."""
    along = np.gradient(lines, axis=1)
    across = along[:, :, ::-1] * (-1, 1) * (half_width / _distance(*np.moveaxis(along, 2, 0)))[:, :, None]
    upper, lower = _both(lines + across), _both(lines - across)
    cortices = _both(np.concatenate([lines + 0.8 * across, lines - 0.8 * across]))
    strength = np.ones(lines.shape[1]) if strength is None else strength
    start = 0
    for end in np.flatnonzero(np.diff(strength, append=-1.0)):  # a run of equal strength is one piece
        piece = slice(start, end + 2)
        start = end + 1
        if strength[end] > 0:
            pen.fill(np.concatenate([upper[:, piece], lower[:, piece][:, ::-1]], 1), marrow * strength[end])
            pen.stroke(cortices[:, piece], 0.009, cortex * strength[end])


def _spine_and_shoulders(pen: _Pen, patient: _Patient) -> np.ndarray:
    """8-bit layer of every bone but the ribs."""
    number = np.arange(-3, 15)
    centre = np.stack([0 * number, FIRST_RIB_Y + VERTEBRA * (number + 0.1)], 1)[:, None]  # of each vertebra
    wide = (1 + 0.026 * number)[:, None, None] ** (1, 0)  # they broaden downwards
    quarter = _curve([(0.0, -0.060), (0.115, -0.068), (0.097, 0.0), (0.115, 0.068), (0.0, 0.060)])
    body = np.concatenate([quarter, quarter[::-1] * (-1, 1)]) * wide + centre
    process = np.array([(0.06, -0.045), (0.19, -0.065), (0.22, -0.045), (0.19, -0.025), (0.06, 0.0)])
    pedicle = _ellipse(0.071, -0.02, 0.022, 0.034)  # seen end on
    for side in (1, -1):
        pen.fill(process * (side, 1) * wide + centre, 85)
    pen.fill(body, 90)
    for outline in (body, pedicle * wide + centre, pedicle * (-1, 1) * wide + centre):
        pen.stroke(outline, 0.014, 128, closed=True)
    pen.fill(_ellipse(0, 0.045, 0.014, 0.040) + centre, 140)  # spinous processes

    blade = [(0.74, -0.84), (0.92, -0.86), (1.10, -0.76), (1.06, -0.45), (1.00, -0.14), (0.88, -0.40)]
    outline = _both(_curve(blade, closed=True)[None])
    pen.fill(outline, 30)
    pen.stroke(outline, 0.009, 50, closed=True)
    pen.stroke(_both(_curve(blade[2:5])[None]), 0.030, 62)  # its thick lateral border
    ridge = _curve([(0.80, -0.74), (0.96, -0.86), (1.12, -0.97)])  # the spine of the scapula
    _bones(pen, ridge[None], _rounded(0.018, 0.040, len(ridge)), 58, 72)
    pen.fill(_both(_ellipse(1.09, -0.80, 0.035, 0.075)[None]), 85)  # its socket
    head = _both(_ellipse(1.20, -0.835, 0.070, 0.078)[None])  # not yet one with the shaft at this age
    pen.fill(head, 80)
    pen.stroke(head, 0.010, 112, closed=True)
    shaft = _curve([(1.25, -0.82), (1.45, -0.82 + 0.12 * (patient.arm + 0.8)), (2.1, patient.arm)])
    _bones(pen, shaft[None], np.interp(np.arange(len(shaft)), (0, 7, 20), (0.092, 0.062, 0.052)), 85, 150)
    clavicle = _curve([(0.12, -0.72), (0.30, -0.82), (0.50, -0.87), (0.74, -0.97), (0.98, -1.02)])
    _bones(pen, clavicle[None], _rounded(0.044, 0.030, len(clavicle)), 110, 165)
    return pen.softened(0.006)


def _projection(patient: _Patient, rows: int, columns: int) -> np.ndarray:
    """The 2 x 3 matrix from chest units to film pixels."""
    scale = patient.zoom * min(rows / 2.15, columns / 2.45)
    turn = np.deg2rad(patient.tilt)
    turned = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.array([columns / 2, rows / 2]) + scale * np.array(patient.shift)
    return np.column_stack([turned, centre - turned @ (0.0, -0.10)])


def _film_curve(patient: _Patient) -> np.ndarray:
    """uint16 table from attenuation to pixel value: scatter joins the transmitted beam, the detector
    takes the logarithm, and the film curve follows."""
    mu = np.arange(5 * STEPS) / STEPS
    seen = -np.log((np.exp(-mu) + SCATTER) / (1 + SCATTER))
    curve = 1 - np.exp(-((seen * patient.brightness / 1.75) ** patient.contrast))
    return np.round(0.97 * WHITE * curve / curve[-1]).astype(np.uint16)


def _mark(film: np.ndarray, patient: _Patient) -> None:
    """Blacken what the shutters cover; burn in the side marker and the word that says what this is."""
    rows, columns = film.shape
    left, top, right, bottom = np.round(patient.shutter * [columns, rows, columns, rows]).astype(int)
    film[:top] = film[rows - bottom :] = 0
    film[:, :left] = film[:, columns - right :] = 0
    size = min(rows, columns) / 1000
    for word, x, y, height in (("R", 0.06, 0.16, 2.0 * size), ("PHANTOM", 0.03, 0.97, max(0.9 * size, 0.3))):
        base = round(y * rows)
        around = film[max(0, base - round(40 * height)) : base + round(12 * height)]  # cv2 letters are some 22 high
        text = np.zeros(around.shape, np.uint8)
        place = (round(x * columns), min(base, round(40 * height)))
        cv2.putText(text, word, place, cv2.FONT_HERSHEY_SIMPLEX, height, (255,), max(1, round(2 * height)), cv2.LINE_AA)
        np.maximum(around, text * np.uint16(WHITE // 255), out=around)


def _round(across: np.ndarray) -> np.ndarray:
    """Depth of a round body at a fraction `across` of its half width: 1 in the middle, 0 at the edge."""
    return np.sqrt(np.maximum(1 - across * across, 0))


def _distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sqrt(x * x + y * y)  # five times as quick as np.hypot


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


def _rounded(half_width: float, other: float, points: int) -> np.ndarray:
    """Half widths along a bone with round ends."""
    return np.linspace(half_width, other, points) * np.sqrt(1.02 - np.linspace(-1, 1, points) ** 8)


def _both(lines: np.ndarray) -> np.ndarray:
    """[2 x how many, points, 2]: what was drawn for the patient's left, and its mirror image."""
    return np.concatenate([lines, lines * (-1, 1)])


def _ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], 1)


def _curve(points: Points, closed: bool = False) -> np.ndarray:
    """A smooth line (Catmull-Rom) through the points: float [n, 2]."""
    p = np.array(points, float)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, 10, endpoint=False)[None, :, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    line = b + t * (c - a) / 2 + t * t * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    line = line.reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-1:]])
