"""The grey scale in the standard's order, beside our own arithmetic and highdicom's."""

from io import BytesIO
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from xscan.engine.read.decode import read_bytes
from xscan.engine.read.film import Film

from .dicom_maker import film, phantom


def lut_item(first: int, entries: np.ndarray, bits: int, signed: bool = False) -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "US", [entries.size & 0xFFFF, first & 0xFFFF, bits])
    item.add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    item.LUTExplanation = "made by us"
    item.ModalityLUTType = "US"
    return item


def read_12(**elements: Any) -> Film:
    return read_bytes(film(phantom(bits=12), allocated=16, stored=12, **elements))


CURVE = np.sqrt(np.linspace(0, 1, 4096)) * 65535

ORACLE_CASES = {
    "linear": {"WindowCenter": "2000", "WindowWidth": "1500"},
    "linear exact": {"WindowCenter": "2000", "WindowWidth": "1500", "VOILUTFunction": "LINEAR_EXACT"},
    "sigmoid": {"WindowCenter": "2000", "WindowWidth": "1500", "VOILUTFunction": "SIGMOID"},
    "first of two windows": {"WindowCenter": ["1000", "3000"], "WindowWidth": ["800", "100"]},
    "rescale": {
        "RescaleSlope": "0.5",
        "RescaleIntercept": "-100",
        "RescaleType": "US",
        "WindowCenter": "900",
        "WindowWidth": "1500",
    },
    "falling rescale": {
        "RescaleSlope": "-1",
        "RescaleIntercept": "4095",
        "RescaleType": "US",
        "WindowCenter": "1800",
        "WindowWidth": "2500",
    },
    "modality LUT": {
        "ModalityLUTSequence": [lut_item(0, CURVE, 16)],
        "WindowCenter": "30000",
        "WindowWidth": "40000",
    },
    "VOI LUT": {"VOILUTSequence": [lut_item(0, CURVE, 16)]},
    "VOI LUT on a part of the range": {"VOILUTSequence": [lut_item(1000, np.append(CURVE[:-2:2], 65535), 16)]},
    "rescale, then VOI LUT": {
        "RescaleSlope": "2",
        "RescaleIntercept": "0",
        "RescaleType": "US",
        "VOILUTSequence": [lut_item(0, np.repeat(CURVE, 2), 16)],
    },
    "VOI LUT goes before a window": {
        "VOILUTSequence": [lut_item(0, CURVE, 16)],
        "WindowCenter": "900",
        "WindowWidth": "100",
    },
}


@pytest.mark.parametrize("shape", [None, "IDENTITY", "INVERSE"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("case", ORACLE_CASES)
def test_the_order_is_highdicoms(case: str, photometric: str, shape: str | None) -> None:
    elements = dict(ORACLE_CASES[case])
    if shape:
        elements["PresentationLUTShape"] = shape
    content = film(phantom(bits=12), allocated=16, stored=12, photometric=photometric, **elements)
    image = highdicom.Image.from_dataset(pydicom.dcmread(BytesIO(content)), copy=False)
    wanted = image.get_frame(1, apply_voi_transform=True, voi_output_range=(0.0, 255.0))
    grey = read_bytes(content).grey
    # highdicom folds a rescale into the window, so its width - 1 (C.11.2.1.2.1) comes out a little off.
    assert np.abs(grey - wanted).max() <= (0.7 if "RescaleSlope" in elements else 0.51)


def test_a_linear_window_of_width_1_is_a_threshold() -> None:
    values = phantom(bits=12)
    grey = read_12(WindowCenter="2000", WindowWidth="1").grey
    assert np.array_equal(grey, np.where(values > 1999.5, 255, 0))


def test_contradicting_polarity_goes_to_review() -> None:
    for photometric, shape, doubtful in (
        ("MONOCHROME1", "INVERSE", False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", True),
    ):
        read = read_bytes(film(photometric=photometric, PresentationLUTShape=shape))
        assert ("polarity" in [code for code, _ in read.facts.doubts]) is doubtful


def test_monochrome_1_and_2_are_inverses_with_every_way_to_window() -> None:
    ways: tuple[dict[str, Any], ...] = ({}, {"WindowCenter": "2000", "WindowWidth": "900"})
    for elements in ways:
        values = phantom(bits=12)
        one, two = (
            read_bytes(film(values, allocated=16, stored=12, photometric=photometric, **elements)).grey
            for photometric in ("MONOCHROME1", "MONOCHROME2")
        )
        assert np.abs(one.astype(int) + two - 255).max() <= 1


def test_without_a_window_a_few_outliers_do_not_dim_the_picture() -> None:
    values = 1000 + phantom(200, 200, bits=9)
    values[0, :5] = 4095
    read = read_bytes(film(values, allocated=16, stored=12))
    assert read.grey[1:].min() == 0
    assert read.grey[1:].max() == 255
    assert read.facts.window.startswith("percentiles")


def test_without_a_window_8_bits_stay_as_they_are() -> None:
    values = 60 + phantom(bits=7)
    assert np.array_equal(read_bytes(film(values)).grey, values)


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": "100000", "WindowWidth": "10"},
        {"WindowCenter": "2000", "WindowWidth": "0"},
        {"WindowCenter": "2000", "WindowWidth": "-5"},
        {"VOILUTSequence": [lut_item(0, np.zeros(4096), 12)]},
    ],
)
def test_a_window_that_shows_nothing_is_replaced(elements: dict[str, Any]) -> None:
    read = read_12(**elements)
    assert read.facts.window.startswith("percentiles")
    assert read.grey.std() > 30


def test_padding_is_background_and_no_part_of_the_range() -> None:
    values = 1000 + phantom(100, 100, bits=10)
    values[:, :30] = 0
    values[:, 70:] = 4000
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        content = film(values, allocated=16, stored=12, photometric=photometric, PixelPaddingValue=0)
        assert not read_bytes(content).grey[:, :30].any()
    ranged = film(values, allocated=16, stored=12, PixelPaddingValue=4000, PixelPaddingRangeLimit=4095)
    assert not read_bytes(ranged).grey[:, 70:].any()


def test_signed_padding_and_signed_lut_input() -> None:
    values = phantom(bits=12, signed=True)
    values[:5] = -2048
    content = film(
        values, allocated=16, stored=12, signed=True, PixelPaddingValue=-2048,
        VOILUTSequence=[lut_item(-2048, CURVE, 16)],
    )  # fmt: skip
    read = read_bytes(content)
    assert not read.grey[:5].any()
    assert np.abs(read.grey[5:] - CURVE[values[5:] + 2048].astype(int) / 65535 * 255).max() <= 0.51


def test_a_lut_of_eight_bit_entries_packed_two_to_a_word() -> None:
    item = lut_item(0, np.zeros(0), 8)
    item.LUTDescriptor = [256, 0, 8]
    item[0x00283006].value = np.arange(256)[::-1].astype(np.uint8).tobytes()
    values = phantom()
    assert np.array_equal(read_bytes(film(values, VOILUTSequence=[item])).grey, 255 - values)


def test_a_constant_film_is_read_and_flat() -> None:
    for value in (0, 7, 4095):
        assert np.ptp(read_bytes(film(np.full((20, 20), value), allocated=16, stored=12)).grey) == 0
