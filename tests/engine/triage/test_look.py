"""What a picture shows: the compiled measurements are those of OpenCV, number for number."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xscan.engine.triage import look
from xscan.engine.triage.look import look_at, without_compiler

kernel = pytest.mark.skipif(not look.COMPILED, reason="xscan was installed without a compiler")


@st.composite
def films(draw: st.DrawFn) -> np.ndarray:
    """From noise to soft, with and without letters, whole steps and others: uint8 [rows, columns]."""
    sides = st.one_of(st.integers(1, 1400), st.integers(200, 800).map(lambda half: 2 * half))
    rows, columns = draw(sides), draw(sides)
    seed, blur = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0, 3, 9]))
    random = np.random.default_rng(seed)
    grey = random.integers(0, 256, (rows, columns), np.uint8)
    if blur:
        grey = np.asarray(cv2.normalize(cv2.blur(grey, (blur, blur)), None, 0, 255, cv2.NORM_MINMAX))  # type: ignore[call-overload]
    for _ in range(draw(st.sampled_from([0, 0, 12]))):
        place = int(random.integers(columns)), int(random.integers(rows))
        cv2.putText(grey, "LR7", place, cv2.FONT_HERSHEY_SIMPLEX, float(random.uniform(0.2, 2)), 255, 2)
    return grey


def by_opencv(grey: np.ndarray) -> look.Look:
    factor = max(1, max(grey.shape) // look.SIDE)
    return without_compiler(grey, *(max(1, side // factor) for side in grey.shape))


@kernel
@settings(max_examples=150, deadline=None)
@given(films())
def test_the_kernel_changes_no_number(grey: np.ndarray) -> None:
    assert look_at(grey) == by_opencv(grey)


@kernel
@pytest.mark.parametrize("shape", [(800, 800), (1600, 1200), (1200, 16), (3000, 50), (400, 2), (16, 16), (4000, 5000)])
def test_sizes_at_the_edge(shape: tuple[int, int]) -> None:
    grey = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    assert look_at(grey) == by_opencv(grey)
    assert look_at(grey.T) == by_opencv(grey.T)


def test_letters_are_counted() -> None:
    grey = np.full((1000, 1300), 90, np.uint8)
    for x in range(300, 900, 60):
        cv2.line(grey, (x, 480), (x, 520), 255, 8)
    assert look_at(grey).letters == 10


@kernel
def test_the_kernel_refuses_what_it_cannot_measure() -> None:
    from xscan.engine.triage import _look

    grey = np.zeros((100, 100), np.uint8)
    for size in ((101, 50), (50, 101), (15, 50), (50, 0)):
        with pytest.raises(ValueError, match="8-bit"):
            _look.look(grey, *size)
    with pytest.raises(ValueError, match="8-bit"):
        _look.look(grey.astype(float), 50, 50)
    with pytest.raises((BufferError, ValueError)):
        _look.look(grey.T[::2], 50, 50)
