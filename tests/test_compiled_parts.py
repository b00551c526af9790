"""Our own C: each part is built, looked for by doctor, must be in a release, and is run under sanitizers."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = sorted(path.stem for path in (ROOT / "engine").rglob("_*.c"))


@pytest.mark.parametrize(
    "place", ["setup.py", "Makefile", "engine/machine/checks.py", "scripts/release.py", "scripts/sanitized.py"]
)
def test_every_part_is_named(place: str) -> None:
    text = (ROOT / place).read_text(encoding="utf-8")
    named = [part for part in PARTS if re.search(rf"(?<!\w){part}(?!\w)", text)]
    assert named == PARTS != []
