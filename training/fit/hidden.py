"""Films with places hidden (hide-and-seek: Kumar Singh and Lee 2017).

A network that never saw a grey patch takes one in a lung for a shadow, or for clear lung, as it happens. One that was
shown some learns that a patch says nothing.
"""

import numpy as np

CELLS = (8, 8)  #: rows and columns, of a network without class maps
MOST = 0.5  #: the chance of each cell to be hidden, at most: what is left has to show what the film is called


def hide(pictures: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Films with some cells at their own mean grey.

    pictures: uint8 [films, height, width]; cells: bool [films, rows, columns], True where hidden.
    """
    _, height, width = pictures.shape
    _, rows, columns = cells.shape
    row, column = np.arange(height) * rows // height, np.arange(width) * columns // width
    mean = pictures.mean(axis=(1, 2)).round().astype(np.uint8)
    return np.where(cells[:, row][:, :, column], mean[:, None, None], pictures)


def partly_hidden(pictures: np.ndarray, cells: tuple[int, int], chance: float, rng: np.random.Generator) -> np.ndarray:
    """Hide each cell with one chance for a film, from 0 to MOST, in `chance` of the films.

    pictures: uint8 [films, height, width].
    """
    share = rng.uniform(0, MOST, (len(pictures), 1, 1)) * (rng.random((len(pictures), 1, 1)) < chance)
    return hide(pictures, rng.random((len(pictures), *cells)) < share)
