"""From probabilities to a place in the reading list: finding, priority."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ..network.manifest import Manifest

if TYPE_CHECKING:
    import numpy as np


class Band(StrEnum):
    """A film's place in the reading list, the first to be read first."""

    URGENT = "urgent"  #: at or above rule-in
    REVIEW = "review"  #: between, or the model may not decide
    ROUTINE = "routine"  #: below rule-out


def placed(band: Band | str, *, doubtful: bool) -> Band:
    """The band of a film that the model may not decide on (doubtful): never routine; an urgent one stays urgent."""
    band = Band(band)
    return Band.REVIEW if doubtful and band is Band.ROUTINE else band


@dataclass(frozen=True)
class Place:
    probabilities: tuple[float, float, float]  #: normal, bacteria, virus; rounded as the CSV shows them
    p_pneumonia: float  #: bacteria + virus, rounded
    finding: str  #: normal, bacteria, virus, pneumonia
    priority: Band


def judge(p: "np.ndarray", manifest: Manifest) -> Place:
    """Band and finding of one film. p: float [3], sums to 1.

    Everything is decided on the numbers as the CSV shows them, so that whoever applies the operating
    points to the CSV gets the same bands.
    """
    normal, bacteria, virus = (round(float(x), 4) for x in p)
    pneumonia = round(float(p[1] + p[2]), 4)
    finding, priority = band(normal, bacteria, virus, pneumonia, manifest)
    return Place((normal, bacteria, virus), pneumonia, finding, priority)


def band(normal: float, bacteria: float, virus: float, pneumonia: float, manifest: Manifest) -> tuple[str, Band]:
    """Finding and priority from the four numbers of a row of the CSV."""
    if pneumonia >= manifest.rule_in.threshold:
        priority = Band.URGENT
    elif pneumonia < manifest.rule_out.threshold:
        priority = Band.ROUTINE
    else:
        priority = Band.REVIEW
    if normal >= pneumonia and priority is not Band.URGENT:  # an urgent film is never called normal
        finding = "normal"
    elif abs(bacteria - virus) < manifest.near_tie:
        finding = "pneumonia"
    else:
        finding = "bacteria" if bacteria > virus else "virus"
    return finding, priority
