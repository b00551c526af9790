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
        ("filelock", (4, 0), "a lock whose file its holder removes could be held by two runs: lists/output.py"),
        ("opencv-python-headless", (4, 12), "CVE-2025-53644: JPEG reads what was never written"),
        (
            "keras",
            (3, 12),
            "CVE-2025-1550, -8747, -12058, -12060: a saved model runs code, reads, writes",
        ),
        ("torch", (2, 6), "CVE-2025-32434: saved weights run code"),
        ("onnx", (1, 18), "CVE-2025-51480: external data overwrites files"),
        (r"ray\[client\]", (2, 52), "CVE-2025-62593: a page in a browser gives orders to the cluster"),
    ],
)
def test_floors(package: str, floor: tuple[int, ...], why: str) -> None:
    wanted = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    found = [match[1] for one in wanted if (match := re.match(rf"{package}>=([\d.]+)", one))]
    assert found, package
    assert all(tuple(map(int, version.split("."))) >= floor for version in found), why
