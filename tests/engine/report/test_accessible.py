"""The morning page for everybody: contrast, names and roles by axe, and every control by keyboard."""

import json
import subprocess
import tarfile

import pytest

from .chromium import PROGRAM
from .conftest import Open

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core (MPL 2.0) from the npm registry, for these tests alone: 0.7 MB a session."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(
            ["npm", "pack", "--silent", "axe-core@4"], cwd=folder, check=True, capture_output=True, timeout=60
        )
        [packed] = folder.glob("axe-core-*.tgz")
        with tarfile.open(packed) as content:
            file = content.extractfile("package/axe.min.js")
            assert file is not None
            return file.read().decode()
    except (OSError, subprocess.SubprocessError, ValueError):
        pytest.skip("axe-core cannot be had from the npm registry")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wcag_aa_by_axe(opened: Open, axe: str, scheme: str) -> None:
    tags = json.dumps(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    for options in ({}, {"viewport": {"width": 390, "height": 844}}):
        page = opened(color_scheme=scheme, bypass_csp=True, **options)
        page.evaluate(axe)
        for keys in ("", "m", "rxj", "4", "0u", "l"):
            for key in keys:
                page.keyboard.press(key)
            broken = page.evaluate(
                f"axe.run(document, {{runOnly: {tags}}}).then(r => r.violations.map(v => v.id + ' ' + v.nodes[0].html))"
            )
            assert broken == [], (options, keys)


def test_every_control_is_reached_by_tab(opened: Open) -> None:
    page = opened()
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.dataset.band || ''"))
    wanted = {
        "lang",
        "theme",
        "help",
        "all",
        "urgent",
        "unscored",
        "search",
        "doubtful",
        "hideRead",
        "scroll",
        "zoomin",
    }
    assert (
        wanted | {"invert", "full", "mapbutton", "width", "level", "markread", "markdisputed", "truth", "note"}
        <= reached
    )
