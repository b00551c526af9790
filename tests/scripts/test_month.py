"""A month of drawn scores: alarms on the right nights and on no other, whatever the draw."""

import re
import sys
from pathlib import Path

import pytest

from ..conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import month

from xscan.engine.nights.history_page import render
from xscan.engine.nights.look_back import runs


@pytest.mark.parametrize("seed", range(3))
def test_a_month(tmp_path: Path, seed: int):
    found = month.month(tmp_path / "state", month.drawn(tmp_path, 60, seed))
    assert month.faults(found, with_films=False) == []
    if seed == 0:
        entries = runs(tmp_path / "state")
        assert len(entries) == month.NIGHTS - 1
        for lang, words in (("en", "no finished run"), ("es", "sin ejecución terminada")):
            page = render(entries, lang)
            assert page.count("<svg") == 5
            assert words in page  # the missed night
            assert "<script" not in page
            assert page.count(("2026-03-25: another engine", "2026-03-25: otro motor")[lang == "es"]) == 5
            assert re.findall(r'fill="var\(--urgent\)"><title>(\S+): PSI', page) == ["2026-03-17"]
        shown = render(entries, "en", "2026-03-17")  # earlier nights are what its drift is held against
        assert "2026-03-16" not in shown
        assert '"var(--urgent)"><title>2026-03-17: PSI' in shown
