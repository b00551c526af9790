"""constraints.txt has what pyproject.toml asks for, whole; what is picked out of it is what an installation needs."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.constraints import BASE, BUILD, FILE, NOT_COVERED, Entry, entries, pick

from ..conftest import ROOT

TEXT = FILE.read_text(encoding="utf-8")
ENTRIES = list(entries(TEXT))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def wanted() -> dict[str, list[Requirement]]:
    """What is asked for, by part; an extra's other extras by their own packages."""
    extras = PROJECT["project"]["optional-dependencies"]

    def of(lines: list[str]) -> list[Requirement]:
        found = []
        for one in map(Requirement, lines):
            found += [r for extra in one.extras for r in of(extras[extra])] if one.name == "xscan" else [one]
        return found

    return {
        BASE: of(PROJECT["project"]["dependencies"]),
        BUILD: of(PROJECT["build-system"]["requires"]),
        **{name: of(lines) for name, lines in extras.items() if name not in NOT_COVERED},
    }


@pytest.mark.parametrize(("part", "requirements"), wanted().items())
def test_what_is_asked_for_stands_in_the_file(part: str, requirements: list[Requirement]) -> None:
    """Else `make constraints KEEP=--keep`."""
    pinned: dict[str, list[Entry]] = {}
    for entry in ENTRIES:
        pinned.setdefault(canonicalize_name(entry.name), []).append(entry)
    for requirement in requirements:
        found = pinned.get(canonicalize_name(requirement.name), [])
        assert found, requirement
        for entry in found:
            assert requirement.specifier.contains(entry.pin.partition("==")[2], prereleases=True), entry.pin
            assert part in entry.parts, f"{entry.name} is not marked as of {part}"


def test_every_package_has_one_version_and_hashes_and_no_address_is_named() -> None:
    assert len(ENTRIES) > 50
    for entry in ENTRIES:
        assert re.fullmatch(r"[a-z0-9.-]+==[^\s=]+", entry.pin)
        assert entry.hashes, entry.name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in entry.hashes), entry.name
        assert entry.parts, entry.name
    assert "://" not in TEXT
    assert "--index" not in TEXT
    assert " @ " not in TEXT


def test_what_is_picked_is_what_is_asked_for() -> None:
    def names(*extras: str) -> set[str]:
        return {entry.name for entry in entries(pick(TEXT, list(extras)))}

    assert {"numpy", "onnxruntime"} <= names()
    assert not {"pytest", "ray", "tensorflow-cpu", "setuptools"} & names()
    assert {"pydicom", "pynetdicom"} <= names("pacs")
    assert names("pacs", "ray") == names("pacs") | names("ray")
    on_linux = "sys_platform == 'linux'"
    assert on_linux not in next(line for line in pick(TEXT, ["rtx"]).splitlines() if line.startswith("tensorrt-rtx=="))
    assert on_linux in next(line for line in pick(TEXT, ["dev"]).splitlines() if line.startswith("tensorrt-rtx=="))
    with pytest.raises(ValueError, match="nothing for nonsense: choose among base, build"):
        pick(TEXT, ["nonsense"])
