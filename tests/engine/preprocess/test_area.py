"""Area averages: exact, the same with and without the compiled kernel, and within a grey level of OpenCV's."""

import sysconfig
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xscan.engine.network.spec import InputSpec
from xscan.engine.preprocess import area
from xscan.engine.preprocess.area import averages, shrink
from xscan.engine.preprocess.to_input import to_input

kernel = pytest.mark.skipif(not area.COMPILED, reason="xscan was installed without a compiler")


@st.composite
def films(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int]]:
    """A film of 8 or 16 bits, from noise to flat, and a size that is no larger in either axis."""
    rows, columns = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    seed, blur = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0, 3, 31]))
    grey = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (rows, columns)).astype(dtype)
    if blur:
        grey = np.asarray(cv2.blur(grey, (blur, blur)))
    return grey, (draw(st.integers(1, rows)), draw(st.integers(1, columns)))


def shrunk(grey: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    out = np.empty(size, grey.dtype)
    shrink(grey, out)
    return out


def exact(grey: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The definition, word for word: every pixel repeated `height` x `width` times, then means of whole blocks."""
    (rows, columns), (height, width) = grey.shape, size
    units = np.repeat(np.repeat(grey.astype(np.int64), height, axis=0), width, axis=1)
    sums = units.reshape(height, rows, width, columns).sum(axis=(1, 3))
    return (2 * sums + rows * columns) // (2 * rows * columns)


@settings(max_examples=150, deadline=None)
@given(films())
def test_within_one_grey_level_of_opencv(case: tuple[np.ndarray, tuple[int, int]]) -> None:
    grey, size = case
    theirs = cv2.resize(grey, size[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk(grey, size).astype(int) - theirs).max() <= 1


@kernel
@settings(max_examples=150, deadline=None)
@given(films())
def test_the_kernel_changes_no_byte(case: tuple[np.ndarray, tuple[int, int]]) -> None:
    grey, size = case
    assert np.array_equal(shrunk(grey, size), averages(grey, *size))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_exact(rows: int, columns: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    for dtype in (np.uint8, np.uint16):
        grey = np.random.default_rng(rows * columns).integers(0, np.iinfo(dtype).max + 1, (rows, columns)).astype(dtype)
        assert np.array_equal(shrunk(grey, size), exact(grey, size))
        assert np.array_equal(averages(grey, *size), exact(grey, size))


@pytest.mark.parametrize("shape", [(65_535, 40), (40, 65_535), (70_000, 3), (3, 70_000)])
def test_white_stays_white_however_long_the_film(shape: tuple[int, int]) -> None:
    for dtype in (np.uint8, np.uint16):
        white = np.full(shape, np.iinfo(dtype).max, dtype)
        assert (shrunk(white, (3, 3)) == np.iinfo(dtype).max).all()


def test_a_part_of_a_film_and_a_part_of_a_batch() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (90, 120), np.uint8)
    turned, wide = grey.T, np.zeros((30, 80), np.uint8)
    shrink(turned, wide[:, 10:50])
    assert np.array_equal(wide[:, 10:50], exact(turned, (30, 40)))
    assert (wide[:, :10] == 0).all()


@pytest.mark.parametrize("size", [(100, 700), (700, 100), (100, 80), (160, 700)])
def test_an_axis_that_grows_is_bilinear(size: tuple[int, int]) -> None:
    grey = cv2.blur(np.random.default_rng(2).integers(0, 256, size, np.uint8), (5, 5))
    spec = InputSpec(160, 160)
    smaller = cv2.resize(grey, (min(size[1], 160), min(size[0], 160)), interpolation=cv2.INTER_AREA)
    wanted = cv2.resize(smaller, (160, 160), interpolation=cv2.INTER_LINEAR)
    assert np.abs(to_input(grey, spec).astype(int) - wanted).max() <= 1


@kernel
def test_the_kernel_refuses_what_it_cannot_average() -> None:
    from xscan.engine.preprocess import _area

    grey = np.zeros((20, 20), np.uint8)
    for out in (np.zeros((21, 5), np.uint8), np.zeros((5, 5), np.uint16), np.zeros((0, 5), np.uint8), np.zeros(5)):
        with pytest.raises(ValueError, match="8 or 16 bits"):
            _area.shrink(grey, out)
    with pytest.raises(ValueError, match="8 or 16 bits"):
        _area.shrink(grey.astype(float), np.zeros((5, 5)))
    with pytest.raises((BufferError, ValueError)):
        _area.shrink(grey.T[::2], np.zeros((5, 5), np.uint8))


@pytest.mark.skipif(
    not sysconfig.get_config_var("CC") or not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file(),
    reason="no compiler, or no headers of Python",
)
def test_where_it_can_be_compiled_it_is() -> None:
    import shutil

    if shutil.which(sysconfig.get_config_var("CC").split()[0]):
        assert area.COMPILED
