"""Runs of zero bytes that no encoder writes: a hole that decoders without sums do not notice."""

import numpy as np


def has_hole(data: bytes | memoryview, start: int, longest: int) -> bool:
    """Whether more than about `longest` zero bytes in a row follow `start`. longest: 32 at least.

    Looked for in whole words, so that it costs next to nothing where there are none.
    """
    words = np.frombuffer(data, np.uint64, (len(data) - start) // 8, start)
    zero = np.flatnonzero(words == 0)
    length = longest // 8
    return zero.size >= length and bool((zero[length - 1 :] - zero[: zero.size - length + 1] == length - 1).any())
