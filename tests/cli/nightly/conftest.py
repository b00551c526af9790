"""Machines to schedule on."""

from pathlib import Path

import pytest

from ...conftest import Xscan
from .machine import Machine


@pytest.fixture
def machine(xscan: Xscan, tmp_path: Path) -> Machine:
    return Machine(xscan, tmp_path, systemd=True)


@pytest.fixture
def plain(xscan: Xscan, tmp_path: Path) -> Machine:
    return Machine(xscan, tmp_path, systemd=False)
