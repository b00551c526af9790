"""scripts/other_site.py and map_places.py: what is changed, and what counts as evidence at an edge."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from xscan.engine.phantom.draw import draw

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


def script(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def other_site() -> ModuleType:
    script("shortcuts")
    return script("other_site")


@pytest.fixture(scope="module")
def films() -> tuple[np.ndarray, np.ndarray]:
    """Two films of other sizes and exposures."""
    one, other = (draw("normal", seed, 120, 140 + 20 * seed) >> 4 for seed in (0, 1))
    return one.astype(np.uint8), np.clip(1.6 * other.astype(float), 0, 255).astype(np.uint8)


def test_every_change_but_the_first_changes_a_film_and_none_changes_its_kind(other_site, films) -> None:
    for name, change in other_site.CHANGES.items():
        changed = change(films[0], films[1])
        assert (changed.dtype, changed.ndim) == (np.uint8, 2), name
        if name == "as they are":
            assert (changed == films[0]).all()
        else:
            assert changed.shape != films[0].shape or (changed != films[0]).any(), name


def test_saturation_makes_that_share_white(other_site, films) -> None:
    changed = other_site.saturated(films[0], 0.05)
    assert 0.04 < (changed == 255).mean() < 0.1
    assert (films[0] == 255).mean() < 0.01


def test_a_letter_and_anothers_corner_stand_at_the_upper_left_alone(other_site, films) -> None:
    for change in (other_site.letter(films[0]), other_site.other_corner(*films)):
        rows, columns = np.nonzero(change != films[0])
        assert len(rows) > 20
        assert rows.max() < 0.25 * films[0].shape[0]
        assert columns.max() < 0.3 * films[0].shape[1]


def test_grey_levels_of_the_other_kind_are_its_own(other_site, films) -> None:
    whole = other_site.CHANGES["grey levels of the other kind"](*films)
    half = other_site.CHANGES["half way to these grey levels"](*films)
    assert abs(whole.mean() - films[1].mean()) < 2
    assert abs(half.mean() - (films[0].mean() + films[1].mean()) / 2) < 3


def test_shares_of_evidence_by_area() -> None:
    script("shortcuts")
    places = script("map_places")
    tenth = (0.1, 0.9, 0.1, 0.9)
    assert np.allclose(places.shares(np.ones((5, 5)), tenth), (0.36, 0.36))
    middle, corner = np.zeros((5, 5)), np.zeros((5, 5))
    middle[2, 2] = corner[0, 0] = 3
    assert np.allclose(places.shares(middle, tenth), (0, 0.36))
    assert np.allclose(places.shares(corner, tenth), (0.75, 0.36))  # a quarter of that cell lies inside
    assert places.shares(np.zeros((5, 5)), tenth)[0] == 0
