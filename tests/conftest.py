"""What many tests share: phantoms on disk, the real films where they are, and the command line."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

# No example is too slow: how long one takes is the machine's, not the code's.
settings.register_profile("any machine", parent=settings.default, deadline=None)
settings.load_profile("any machine")

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A batch takes the engine that build-engine made on this machine, and adds to its history: none of the person
    who tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data-home")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state-home")))
        yield


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for a program of their own, a sixth of the time in all."""
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1) + 1


#: Folders whose files take minutes: begun first, so that no core waits at the end for one of them.
LONG = ("training", "scripts", "docs", "engine/archive")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first. Tests marked `data` skip where the real radiographs are not."""
    items.sort(key=lambda item: not item.path.relative_to(ROOT / "tests").as_posix().startswith(LONG))
    if not REAL.is_dir():
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(pytest.mark.skip(reason="no real radiographs beside the project"))


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder with the real radiographs; use with the marker `data`."""
    return REAL


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve small phantoms in all formats. Read only: copy it to change it."""
    from xscan.engine.phantom.files import write_phantoms

    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 12, rows=300, columns=400)
    return folder


class Xscan:
    """Runs `xscan` as a user does, in a process of its own."""

    def __call__(self, *args: object, timeout: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "xscan.cli", *map(str, args)]
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", timeout=timeout, check=False, **options
        )


@pytest.fixture(scope="session")
def xscan() -> Xscan:
    return Xscan()


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that `make coverage` does not measure: it imports and writes in them what it needs itself."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    said: str  #: on stderr


Here = Callable[..., Ended]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    """Runs `xscan` in this process, whose libraries are loaded once; what they write to descriptors is seen, too."""
    from xscan.cli.__main__ import main
    from xscan.engine.batch import launch

    def run(*words: object) -> Ended:
        monkeypatch.setattr("sys.argv", ["xscan", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        launch.end()  # workers that a command did not come to want end with its process
        sys.stderr.flush()
        said = capfd.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run
