"""The oldest versions that an installation may have: older ones have known holes."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize(
    ("package", "floor", "why"),
    [
        ("filelock", (3, 20, 3), "CVE-2025-68146, CVE-2026-22701: links at the lock's place"),
        ("opencv-python-headless", (4, 12), "CVE-2025-53644: JPEG reads what was never written"),
        ("keras", (3, 11), "CVE-2025-1550, CVE-2025-8747: a saved model runs code"),
    ],
)
def test_floors(package: str, floor: tuple[int, ...], why: str) -> None:
    wanted = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    found = [match[1] for one in wanted if (match := re.match(rf"{package}>=([\d.]+)", one))]
    assert found, package
    assert all(tuple(map(int, version.split("."))) >= floor for version in found), why
