"""changes/: a file for each difference, gathered into CHANGELOG.md."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import ROOT

MARK = "<!-- new changes: make changelog -->\n"

pytest.importorskip("towncrier", reason="the extra dev")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "changes", tmp_path / "changes")
    return tmp_path


def gather(clone: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "next", "--dir", str(clone)]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)


def test_changes_go_below_the_heading_of_the_next_version_and_leave_their_folder(clone: Path) -> None:
    head, before = (clone / "CHANGELOG.md").read_text(encoding="utf-8").split(MARK)
    assert head.endswith("(unreleased)\n\n")
    (clone / "changes" / "+no-longer.breaking.md").write_text("`--old` is gone:\nsay `--new`.\n", encoding="utf-8")
    (clone / "changes" / "+a-new-one.feature.md").write_text("**`xscan new`** does it.", encoding="utf-8")
    made = gather(clone)
    assert made.returncode == 0, made.stderr
    text = (clone / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith(f"{head}{MARK}\n- ")
    assert "\n- `--old` is gone:\n  say `--new`.\n" in text
    assert "\n- **`xscan new`** does it.\n" in text
    assert text.index("`--old`") < text.index("`xscan new`") < len(text) - len(before.strip())
    assert text.endswith(before.lstrip("\n"))
    assert "\n\n\n" not in text
    assert {path.name for path in (clone / "changes").iterdir()} == {"README.md", "template.md.jinja"}


def test_a_name_that_is_no_change_s_is_an_error(clone: Path) -> None:
    (clone / "changes" / "something.md").write_text("lost", encoding="utf-8")
    assert "something.md" in gather(clone).stderr


def test_the_version_that_is_next_has_its_heading() -> None:
    """CHANGELOG.md begins with the version of pyproject.toml, until it is out and after."""
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    first = next(line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line[:3] == "## ")
    assert first.startswith(f"## {version} (")
