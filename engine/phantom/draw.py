"""Synthetic chest radiographs drawn by our own code: geometry and noise, no picture of anybody.

For demonstrations, tests and benchmarks only, never training data for a shipped model: a network that
tells these films apart has learned this folder, not medicine.

What is smooth (tissue.py) is painted on a canvas of fixed size in the patient's own units (anatomy.py); what has fine
edges (skeleton.py: bones, vessels) is painted at the film's own resolution. All of it is attenuation along the beam, so
organs that lie over one another add up, as they do on film.
"""

import cv2
import numpy as np

from .. import CLASSES
from .anatomy import LEFT, PER_UNIT, TOP, Patient, Pen, new_patient
from .skeleton import paint_ribs, paint_spine_and_shoulders, paint_vessels
from .tissue import BONE, soft_tissue

WHITE = 4095  #: the largest pixel value: films are 12-bit
SMALLEST = 32  #: fewest rows or columns of a film

SCATTER = 0.035  # scattered radiation that reaches the detector, as a fraction of the unattenuated beam
STEPS = 2000  # of the film curve, for each unit of attenuation
STRIP = 25  # film rows put together at a time: what stays in the processor's cache is far quicker


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
    patient = new_patient(person)
    to_film = _projection(patient, rows, columns)
    canvas = soft_tissue(patient, finding, tissue, disease)
    pens = (Pen(np.zeros((rows, columns), np.uint8), to_film) for _ in range(4))
    vessels = paint_vessels(next(pens), finding, tree)
    ribs = paint_ribs(next(pens), next(pens), patient)
    others = paint_spine_and_shoulders(next(pens), patient)
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


def _projection(patient: Patient, rows: int, columns: int) -> np.ndarray:
    """The 2 x 3 matrix from chest units to film pixels."""
    scale = patient.zoom * min(rows / 2.15, columns / 2.45)
    turn = np.deg2rad(patient.tilt)
    turned = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.array([columns / 2, rows / 2]) + scale * np.array(patient.shift)
    return np.column_stack([turned, centre - turned @ (0.0, -0.10)])


def _film_curve(patient: Patient) -> np.ndarray:
    """uint16 table from attenuation to pixel value: scatter joins the transmitted beam, the detector
    takes the logarithm, and the film curve follows."""
    mu = np.arange(5 * STEPS) / STEPS
    seen = -np.log((np.exp(-mu) + SCATTER) / (1 + SCATTER))
    curve = 1 - np.exp(-((seen * patient.brightness / 1.75) ** patient.contrast))
    return np.round(0.97 * WHITE * curve / curve[-1]).astype(np.uint16)


def _mark(film: np.ndarray, patient: Patient) -> None:
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
