import numpy as np

def shade(
    words: np.ndarray,
    grey: np.ndarray,
    mask: int,
    flip: int,
    low: int,
    high: int,
    gain: int,
    add: int,
    turn: int,
    /,
) -> None: ...
