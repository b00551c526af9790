"""scripts/shortcuts.py: its changes, and the shipped network's limits on real films."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from xscan.engine import CLASSES
from xscan.engine.dataset.folder import load_folder
from xscan.engine.dataset.packed import write_set
from xscan.engine.errors import DataSetError
from xscan.engine.network.spec import InputSpec
from xscan.engine.phantom.draw import draw
from xscan.engine.runtime.open import find_engine, shipped

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "shortcuts.py"


@pytest.fixture(scope="module")
def shortcuts() -> ModuleType:
    specification = importlib.util.spec_from_file_location("shortcuts", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["shortcuts"] = module  # dataclasses look their module up by name
    specification.loader.exec_module(module)
    return module


def test_changes_keep_the_middle_of_the_film(shortcuts: ModuleType) -> None:
    film = np.full((100, 200), 90, np.uint8)
    masked = shortcuts.mask_corners(film)
    assert (masked[:15, :30] == 0).all()
    assert (masked[20:80] == 90).all()
    assert (film == 90).all()
    assert shortcuts.crop(film, 0.1, 0.1, 0, 0.25).shape == (80, 150)
    assert shortcuts.pad(film, 0.1).shape == (120, 240)
    for change in shortcuts.CHANGES:
        assert change.apply(film).dtype == np.uint8


@pytest.mark.skipif("compact" not in shipped(), reason="the compact network is not shipped here")
def test_a_packed_set_gives_the_table_of_its_folder(shortcuts: ModuleType, tmp_path: Path) -> None:
    network = shortcuts.Network(find_engine("compact"))
    spec = network.manifest.input
    lines = ["file,patient,fold"]
    for number, name in enumerate(CLASSES):
        (tmp_path / "films" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "films" / name / "a.png"), draw(name, number, spec.height, spec.width))
        lines.append(f"{name}/a.png,{name},9")
    (tmp_path / "films.csv").write_text("\n".join(lines))
    write_set(load_folder(tmp_path / "films"), tmp_path / "set", spec)
    ours, theirs = (shortcuts.table(network, tmp_path / name, 9, tmp_path / "films") for name in ("set", "films"))
    assert ours == theirs
    assert ours[-1]["films"] == 3
    write_set(load_folder(tmp_path / "films"), tmp_path / "small", InputSpec(64, 64))
    with pytest.raises(DataSetError, match=f"--size {spec.width}"):
        shortcuts.table(network, tmp_path / "small", 9, None)


@pytest.mark.data
@pytest.mark.skipif("compact" not in shipped(), reason="the compact network is not shipped here")
def test_the_shipped_network_stays_within_the_limits(shortcuts: ModuleType, real: Path) -> None:
    network = shortcuts.Network(find_engine("compact"))
    rows = shortcuts.table(network, real / "kermany224", 9, real / "originals")
    assert [r["change"] for r in rows if not r["within"]] == []
