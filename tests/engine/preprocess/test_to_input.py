import cv2
import numpy as np
import pytest

from xscan.engine.errors import EngineError
from xscan.engine.network.spec import InputSpec
from xscan.engine.preprocess.to_input import to_input


@pytest.mark.parametrize("size", [(1000, 1300), (256, 256), (100, 80), (2000, 100), (90, 700), (1, 1)])
def test_any_size_becomes_the_networks_square(size: tuple[int, int]) -> None:
    grey = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    picture = to_input(grey, InputSpec(256, 256))
    assert picture.shape == (256, 256)
    assert picture.dtype == np.uint8
    out = np.empty((256, 256), np.uint8)
    assert to_input(grey, InputSpec(256, 256), out=out) is out
    assert (out == picture).all()


def test_shrinking_averages_areas() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (512, 768), np.uint8)
    mean = grey.reshape(256, 2, 256, 3).mean(axis=(1, 3))
    assert np.abs(to_input(grey, InputSpec(256, 256)) - mean).max() <= 1


def test_a_film_long_in_one_axis_is_averaged_in_it() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (2560, 100), np.uint8)
    shrunk = grey.reshape(256, 10, 100).mean(axis=1).round().astype(np.uint8)
    expected = cv2.resize(shrunk, (256, 256), interpolation=cv2.INTER_LINEAR)
    assert np.abs(to_input(grey, InputSpec(256, 256)).astype(int) - expected).max() <= 1


def test_an_unknown_specification_is_refused() -> None:
    assert InputSpec.from_dict(InputSpec(192, 160).as_dict()) == InputSpec(192, 160)
    with pytest.raises(EngineError):
        InputSpec.from_dict({"height": 1, "width": 1, "resize": "lanczos"})
