"""What has fine edges on a film: vessels and bones, painted at the film's own resolution as layers of 8 bits."""

import cv2
import numpy as np

from .anatomy import CAGE_X, CAGE_Y, Patient, Pen, curve, distance

# The heights where ribs 1 to 11 leave the spine.
VERTEBRA = 0.172  # from one thoracic vertebra to the next
FIRST_RIB_Y = -1.00


def paint_vessels(pen: Pen, finding: str, rng: np.random.Generator) -> np.ndarray:
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


def paint_ribs(behind: Pen, before: Pen, patient: Patient) -> np.ndarray:
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
    pen: Pen, lines: np.ndarray, half_width: np.ndarray, marrow: int, cortex: int, strength: np.ndarray | None = None
) -> None:
    """Long bones and their twins on the other side: bands around `lines` [how many, points, 2], denser
    along their two edges. `strength` fades them along the line."""
    along = np.gradient(lines, axis=1)
    across = along[:, :, ::-1] * (-1, 1) * (half_width / distance(*np.moveaxis(along, 2, 0)))[:, :, None]
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


def paint_spine_and_shoulders(pen: Pen, patient: Patient) -> np.ndarray:
    """8-bit layer of every bone but the ribs."""
    number = np.arange(-3, 15)
    centre = np.stack([0 * number, FIRST_RIB_Y + VERTEBRA * (number + 0.1)], 1)[:, None]  # of each vertebra
    wide = (1 + 0.026 * number)[:, None, None] ** (1, 0)  # they broaden downwards
    quarter = curve([(0.0, -0.060), (0.115, -0.068), (0.097, 0.0), (0.115, 0.068), (0.0, 0.060)])
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
    outline = _both(curve(blade, closed=True)[None])
    pen.fill(outline, 30)
    pen.stroke(outline, 0.009, 50, closed=True)
    pen.stroke(_both(curve(blade[2:5])[None]), 0.030, 62)  # its thick lateral border
    ridge = curve([(0.80, -0.74), (0.96, -0.86), (1.12, -0.97)])  # the spine of the scapula
    _bones(pen, ridge[None], _rounded(0.018, 0.040, len(ridge)), 58, 72)
    pen.fill(_both(_ellipse(1.09, -0.80, 0.035, 0.075)[None]), 85)  # its socket
    head = _both(_ellipse(1.20, -0.835, 0.070, 0.078)[None])  # not yet one with the shaft at this age
    pen.fill(head, 80)
    pen.stroke(head, 0.010, 112, closed=True)
    shaft = curve([(1.25, -0.82), (1.45, -0.82 + 0.12 * (patient.arm + 0.8)), (2.1, patient.arm)])
    _bones(pen, shaft[None], np.interp(np.arange(len(shaft)), (0, 7, 20), (0.092, 0.062, 0.052)), 85, 150)
    clavicle = curve([(0.12, -0.72), (0.30, -0.82), (0.50, -0.87), (0.74, -0.97), (0.98, -1.02)])
    _bones(pen, clavicle[None], _rounded(0.044, 0.030, len(clavicle)), 110, 165)
    return pen.softened(0.006)


def _rounded(half_width: float, other: float, points: int) -> np.ndarray:
    """Half widths along a bone with round ends."""
    return np.linspace(half_width, other, points) * np.sqrt(1.02 - np.linspace(-1, 1, points) ** 8)


def _both(lines: np.ndarray) -> np.ndarray:
    """[2 x how many, points, 2]: what was drawn for the patient's left, and its mirror image."""
    return np.concatenate([lines, lines * (-1, 1)])


def _ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], 1)
