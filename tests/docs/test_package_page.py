"""README.md as a package index shows it, away from its repository."""

import importlib.util
import re
from types import ModuleType

import pytest

from ..conftest import ROOT

HOME = "https://host.example/owner/xscan"
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def setup_py() -> ModuleType:
    spec = importlib.util.spec_from_file_location("xscan_setup", ROOT / "setup.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_an_address_nothing_leads_into_the_repository(setup_py: ModuleType) -> None:
    page = setup_py.package_page(README, "", "0.1.0")
    assert [target for _, target in LINK.findall(page)] == []
    assert "[docs/output.md]" not in page
    assert "docs/output.md" in page


def test_with_an_address_every_link_leads_to_a_file_that_is_there(setup_py: ModuleType) -> None:
    page = setup_py.package_page(README, HOME, "0.1.0")
    led = [(picture, target) for picture, target in LINK.findall(page) if target.startswith(HOME)]
    assert len(led) == len([1 for _, target in LINK.findall(README) if ":" not in target]) > 20
    for picture, target in led:
        kind, version, path = target.removeprefix(HOME + "/").split("/", 2)
        assert (kind, version) == ("raw" if picture else "blob", "v0.1.0")
        assert (ROOT / path.partition("#")[0]).exists(), target


def test_the_address_is_said_in_one_place_and_none_is_invented(setup_py: ModuleType) -> None:
    told = setup_py.metadata()
    home = re.search(r'(?m)^\[tool\.xscan\]\nhome = "([^"]*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert home
    assert told["project_urls"] == ({"Source": home[1]} if home[1] else {})
    assert told["long_description_content_type"] == "text/markdown"
