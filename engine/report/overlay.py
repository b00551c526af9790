"""A network's class maps laid over one film, as the morning page shows them."""

import cv2
import numpy as np

from ..triage.odds import log_odds
from .thumbnails import EVIDENCE

LONGEST = 1024  #: pixels of the picture's longer side


def overlay(grey: np.ndarray, maps: np.ndarray, temperature: float) -> np.ndarray:
    """The film in grey with what speaks for pneumonia in yellow to red.

    grey: uint8 [rows, columns]; maps: float [height, width, 3], the class maps of this film. Returns uint8
    [rows, columns, 3], BGR, at most LONGEST a side.
    """
    scale = min(1.0, LONGEST / max(grey.shape))
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    film = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None]
    evidence = np.clip(log_odds(maps, temperature) / EVIDENCE, 0, 1).astype(np.float32)
    evidence = cv2.resize(evidence, size, interpolation=cv2.INTER_CUBIC).clip(0, 1)[..., None]
    colour = np.concatenate([np.full_like(evidence, 40), 190 - 130 * evidence, np.full_like(evidence, 255)], axis=2)
    share = 0.75 * np.sqrt(evidence)
    return (film * (1 - share) + colour * share).round().astype(np.uint8)
