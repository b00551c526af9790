"""A window by its straight line gives what its table gives, for every word that a pixel can be."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xscan.engine.read import line
from xscan.engine.read.decode import read_bytes

from . import dicom_maker as make

pytestmark = pytest.mark.skipif(not line.COMPILED, reason="no compiler where xscan was installed")

#: Every word, sixteen times, and a few more than a whole number of vectors.
WORDS = np.resize(np.arange(1 << 16, dtype=np.uint16), (512, 2055))


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether a line was taken, film by film."""
    taken: list[bool] = []
    by_line = line.by_line

    def told(*arguments: Any) -> np.ndarray | None:
        grey = by_line(*arguments)
        taken.append(grey is not None)
        return grey

    monkeypatch.setattr("xscan.engine.read.dicom.grey.by_line", told)
    return taken


def both(content: bytes, drawn: list[bool]) -> bool:
    """A film by the line, if there is one, and by the table: the same. Returns whether there was."""
    drawn.clear()
    shown = read_bytes(content).grey
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line, "_line", None)
        assert np.array_equal(shown, read_bytes(content).grey)
    assert drawn[1:] == [False]
    return drawn[0]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("stored", "signed", "window", "taken"),
    [
        (12, False, (2048, 4096), True),
        (12, False, (1000.5, 300), True),
        (10, False, (400, 1200), True),  # wider than the values
        (14, False, (9000, 7000), True),
        (12, True, (0, 3000), True),
        (12, False, (2048, 2), False),  # a step
        (16, False, (30000, 50000), False),  # too fine
    ],
)
def test_windows(
    drawn: list[bool], photometric: str, stored: int, signed: bool, window: tuple[float, float], taken: bool
) -> None:
    values = WORDS if stored == 16 else WORDS.astype(np.int64) & ((1 << stored) - 1)
    if signed:
        values = values - (1 << (stored - 1))
    content = make.film(
        values, photometric=photometric, allocated=16, stored=stored, signed=signed,
        WindowCenter=str(window[0]), WindowWidth=str(window[1]),
    )  # fmt: skip
    assert both(content, drawn) is taken


@given(
    st.integers(9, 14),
    st.booleans(),
    st.floats(-500, 17_000),
    st.floats(1, 20_000),
    st.sampled_from(["1", "-0.5", "3"]),
)
def test_any_window_of_words_with_stray_bits(
    stored: int, signed: bool, center: float, width: float, slope: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        content = make.film(
            WORDS, allocated=16, stored=stored, signed=signed, RescaleSlope=slope, RescaleIntercept="7",
            WindowCenter=f"{center:.6g}", WindowWidth=f"{width:.6g}",
        )  # fmt: skip
        shown = read_bytes(content).grey
        patch.setattr(line, "_line", None)
        assert np.array_equal(shown, read_bytes(content).grey)


@pytest.mark.parametrize(
    "elements",
    [
        {"PixelPaddingValue": 3000},  # a hole in the line
        {"VOILUTFunction": "SIGMOID"},
    ],
)
def test_what_is_no_line_is_looked_up(drawn: list[bool], elements: dict[str, Any]) -> None:
    content = make.film(
        WORDS & 0xFFF, allocated=16, stored=12, WindowCenter="2048", WindowWidth="4096", **elements
    )  # fmt: skip
    assert not both(content, drawn)


def test_the_window_from_the_picture_is_a_line(drawn: list[bool]) -> None:
    assert both(make.film(WORDS & 0xFFF, allocated=16, stored=12), drawn)
