"""Films with places hidden, and what a teacher's answer is without them.

The logits of a network with class maps are the mean of its maps: evidence, by place, that adds up. A pupil that sees
half of a film, and learns the mean of the teacher's maps over that half, has evidence of its own only where it sees
something. Without it a grey patch in a lung can look like a shadow.
"""

import numpy as np

from xscan.engine.triage.odds import probabilities

from .teachers import Answer


def hide(pictures: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Films with some cells at their own mean grey.

    pictures: uint8 [films, height, width]; cells: bool [films, rows, columns], True where hidden.
    """
    _, height, width = pictures.shape
    _, rows, columns = cells.shape
    row, column = np.arange(height) * rows // height, np.arange(width) * columns // width
    mean = pictures.mean(axis=(1, 2)).round().astype(np.uint8)
    return np.where(cells[:, row][:, :, column], mean[:, None, None], pictures)


def partly_hidden(
    pictures: np.ndarray, answer: Answer, chance: float, rng: np.random.Generator
) -> tuple[np.ndarray, Answer]:
    """Hide from nothing to all of the class maps' cells, in `chance` of the films; these get the evidence of the rest.

    pictures: uint8 [films, height, width], as the teachers saw them; answer: with maps, of several teachers their mean.
    """
    assert answer.maps is not None
    films = rng.random(len(pictures)) < chance
    share = rng.uniform(0, 1, (len(pictures), 1, 1)) * films[:, None, None]
    cells = rng.random(answer.maps.shape[:3]) < share
    maps = np.where(cells[..., None], 0, answer.maps).astype(np.float32)
    left = probabilities(maps.mean(axis=(1, 2)), 1).astype(np.float32)
    return hide(pictures, cells), Answer(np.where(films[:, None], left, answer.probabilities), maps)
