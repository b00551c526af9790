"""What a process that decodes films has given up, each in a process of its own: for good."""

import os
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.batch.messages import Job, WorkerSettings
from xscan.engine.batch.pool import Pool
from xscan.engine.errors import UnreadableRadiograph
from xscan.engine.find.found import Found
from xscan.engine.machine import sandbox
from xscan.engine.machine.checks import checks
from xscan.engine.read import apart
from xscan.engine.read.film import Limits
from xscan.engine.runtime.open import find_engine

landlock = pytest.mark.skipif(not sandbox.version(), reason="no Landlock here")

TRIES = """
import os, socket, subprocess, sys
from xscan.engine.machine.sandbox import give_up_writing
folder = sys.argv[1]
old = os.path.join(folder, "old")
held = open(os.path.join(folder, "held"), "w")
listener = socket.create_server(("127.0.0.1", 0))
assert give_up_writing() == (sys.argv[2] == "held")
def tries():
    new = os.path.join(folder, "new")
    yield "make", lambda: open(new, "w")
    yield "overwrite", lambda: open(old, "r+")
    yield "remove", lambda: os.unlink(old)
    yield "rename", lambda: os.rename(old, new)
    yield "cut", lambda: os.truncate(old, 0)
    yield "link", lambda: os.link(old, new)
    yield "symlink", lambda: os.symlink(old, new)
    yield "folder", lambda: os.mkdir(new)
    yield "pipe", lambda: os.mkfifo(new)
    yield "program", lambda: subprocess.run(["/bin/true"])
    yield "signal", lambda: os.kill(os.getppid(), 0)
    yield "connect", lambda: socket.create_connection(listener.getsockname())
for name, act in tries():
    try:
        act()
        print(name)
    except PermissionError:
        pass
held.write("said")
held.close()
print(open(old).read())
"""


def test_what_is_given_up_and_what_is_not(tmp_path: Path) -> None:
    known = sandbox.version()
    (tmp_path / "old").write_text("read")
    done = run(TRIES, tmp_path, "held" if known else "free")
    if not known:
        pytest.skip("no Landlock here, and nothing was given up")
    later = {"cut": 3, "connect": 4, "signal": 6}  # the kernel's versions that can
    assert done == [name for name in ("cut", "signal", "connect") if known < later[name]] + ["read"]
    assert (tmp_path / "held").read_text() == "said"
    assert sorted(os.listdir(tmp_path)) == ["held", "old"]


def run(code: str, folder: Path, how: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), how], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.split()


@landlock
def test_it_is_off_by_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sandbox.SWITCH, "off")
    assert not sandbox.give_up_writing()
    assert not next(check for check in checks() if check.name == "sandbox for decoders").present


def writes(content: bytes, *_: object, **__: object) -> None:
    """A decoder that was taken over: it writes beside the film, whose path is the film's content."""
    try:
        Path(content.decode()).write_text("taken over")
    except PermissionError:
        raise UnreadableRadiograph("truncated", "held") from None


def worker_taken_over(connection: Connection, progress: Any, settings: WorkerSettings) -> None:
    from xscan.engine.batch import worker

    worker.read_film = lambda found, _: writes(Path(found.path).read_bytes())  # type: ignore[assignment]
    worker.work(connection, progress, settings)


@landlock
def test_no_worker_writes_a_file(tmp_path: Path) -> None:
    film = tmp_path / "film"
    film.write_text(str(tmp_path / "list.csv"))
    settings = WorkerSettings(find_engine("seed"), Limits(), pictures=tmp_path / "pictures")
    jobs = iter([Job(0, [Found("film", str(film))])])
    with Pool(settings, workers=1, file_seconds=30, main=worker_taken_over) as pool:
        (done,) = pool.run(lambda: next(jobs, None), lambda: True)
    assert [row.reason for row in done.rows] == ["truncated: held"]
    assert sorted(os.listdir(tmp_path)) == ["film", "pictures"]


@landlock
def test_nor_does_a_command_that_reads_a_film_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tmp_path / "film"
    film.write_text(str(tmp_path / "list.csv"))
    taken_over = (
        "import sys; sys.path.insert(0, {!r}); from xscan.engine.read import apart, decode\n"
        "from {} import writes; decode.read_bytes = writes; apart.serve()"
    )
    monkeypatch.setattr(apart, "_idle", [])
    monkeypatch.setattr(apart, "_COMMAND", taken_over.format(str(Path(__file__).parents[3]), __name__))
    with pytest.raises(UnreadableRadiograph, match="held"):
        apart.read_path_apart(film)
    apart._end_all()
    assert os.listdir(tmp_path) == ["film"]
