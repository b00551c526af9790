"""A bare environment with the wheel and what it asks for, made once a session; XSCAN_JOURNEY names one that stands."""

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conftest import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`xscan` of the environment. Skips where packages cannot be fetched."""
    scripts = "Scripts" if os.name == "nt" else "bin"
    if standing := os.environ.get("XSCAN_JOURNEY"):
        return Path(standing) / scripts / "xscan"
    place = tmp_path_factory.mktemp("bare")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = place.glob("*.whl")
    venv.create(place / "venv", with_pip=True)
    python = place / "venv" / scripts / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    done = subprocess.run(list(map(str, install)), capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        pytest.skip(f"packages cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
    return place / "venv" / scripts / "xscan"


@pytest.fixture
def run(program: Path, tmp_path: Path) -> Run:
    """Run `xscan` far from the repository, as a user with a home of their own; the exit code is looked at here."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_", "XSCAN"))
    }
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "APPDATA": str(home), "LOCALAPPDATA": str(home)}
    environment |= {"COLUMNS": "80", "PATH": f"{program.parent}{os.pathsep}{environment['PATH']}"}
    here = tmp_path / "desk"
    here.mkdir()

    def go(*words: object, code: int = 0, cwd: Path = here, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(program), *map(str, words)], capture_output=True, text=True, encoding="utf-8", check=False,
            cwd=cwd, env=environment | more, timeout=240,
        )  # fmt: skip
        assert done.returncode == code, f"xscan {' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return go


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The folder that `run` runs in."""
    return tmp_path / "desk"
