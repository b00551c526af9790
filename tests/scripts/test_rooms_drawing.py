"""scripts/rooms_drawing.py: what stands in docs/ is the code's, and circles and arrows upward are counted."""

import subprocess
import sys
from pathlib import Path

from ..conftest import ROOT

SCRIPT = ROOT / "scripts" / "rooms_drawing.py"
AGAIN = "make it anew: python scripts/rooms_drawing.py --write"


def run(*options: object) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, options)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def house(root: Path, **engine: str) -> Path:
    """A small checkout: rooms of `engine` with what they import."""
    for part in ("cli", "training", "calibration", "engine"):
        (root / part).mkdir(parents=True)
        (root / part / "__init__.py").write_text(f'"""The {part}."""\n')
    (root / "cli" / "app.py").write_text("from xscan.engine.low import x\n")
    for name, text in engine.items():
        (root / "engine" / f"{name}.py").write_text(f'"""Room {name}."""\n{text}\n')
    (root / "docs").mkdir()
    return root


def test_drawing_and_table_are_those_of_the_code(tmp_path: Path) -> None:
    for part in ("cli", "training", "calibration", "engine"):
        (tmp_path / part).symlink_to(ROOT / part, target_is_directory=True)
    (tmp_path / "docs").mkdir()
    page = ROOT / "docs" / "architecture.md"
    (tmp_path / "docs" / page.name).write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    run("--root", tmp_path, "--write")
    for name in ("rooms.svg", "architecture.md"):
        assert (tmp_path / "docs" / name).read_bytes() == (ROOT / "docs" / name).read_bytes(), AGAIN


def test_a_circle_and_an_arrow_upward_are_counted(tmp_path: Path) -> None:
    straight = house(tmp_path / "a", high="from .middle import x", middle="from .low import x", low="x = 1")
    assert "engine            3       3       2       0        0" in run("--root", straight)
    bent = house(tmp_path / "b", high="from .low import x", low="def f():\n    from .high import y", alone="")
    counted = run("--root", bent)
    assert "engine            3       2       2       1        1" in counted
    assert "circle: high, low" in counted
    assert "1 imports of engine in cli" in counted


def test_an_import_upward_between_the_parts_is_told(tmp_path: Path) -> None:
    assert "UPWARD" in run("--root", house(tmp_path, low="from xscan.cli import app"))
