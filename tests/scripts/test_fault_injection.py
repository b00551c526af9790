"""scripts/fault_injection.py on a sample of calls: each command ends with its code, and again with the same bytes."""

import shutil
import subprocess
import sys

import pytest

from ..conftest import ROOT

SCRIPT = ROOT / "scripts" / "fault_injection.py"


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler")
def test_a_disk_that_fails_at_any_call_costs_nothing() -> None:
    words = [str(SCRIPT), "--only", "merge", "--faults", "disk full", "EIO, once", "a short write", "--sample", "17"]
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=500, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    rows = [line.split(" | ") for line in run.stdout.splitlines() if line.startswith("| merge")]
    assert len(rows) == 3
    assert all(int(row[3]) >= 3 for row in rows)
    assert any("5: " in row[4] for row in rows)  # the faults were felt
