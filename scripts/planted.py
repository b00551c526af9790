"""Put something in the way of every name that a run writes, in many forms; nothing that stood there may be lost.

    python scripts/planted.py [FOLDER [FORM ...]]        # FOLDER: where to play; FORM: those of FORMS, not all

Each case is one `xscan batch` with page, log and all formats. It may refuse (code 2) or go on; what was planted must be
what it was (kind, content, links), nothing may hang, nothing may end with an internal error. Exit code 0 when all held.
"""

import hashlib
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xscan.cli.app import app
from xscan.cli.terminal.failures import failure

NAMES = (
    *(
        "n.csv",
        "n.csv.part",
        "n.csv.prev",
        "n.csv.sums",
        "n.csv.lock",
        "n.csv.lock.json",
        "n.csv.run.json",
        "n.run.json",
    ),
    *("n.csv.films", "n.html", "n.jsonl", "n.parquet", "n.excel.csv", "n.studies.csv", "n.log"),
)
BATCH = ("batch", "films", "--out", "n.csv", "--report", "--log-file", "n.log", "--engine", "seed", "--workers", "1")
FORMATS = ("--format", "jsonl", "--format", "parquet", "--format", "excel")
#: What looks most like xscan's own, and is not.
LIKE = {
    ".jsonl": b'{"file": "my own", "sop_uid": "notes", "mine": 1}\n',
    ".html": b"<!doctype html>\n<html><head><title>What I think of xscan</title></head></html>\n",
    ".log": b"my diary\n",
    ".lock": b"",
    ".json": b'{"pid": "mine", "settings": {}}\n',
    ".sums": b"0 0\n",
    ".csv": b"file,status,priority\nmy own,ok,routine\n",
    ".part": b"file,status\n",
    ".prev": b"file,status\n",
}


def look_alike(path: Path) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"file": ["my own"], "status": ["ok"]}), path)
    elif path.suffix == ".films":
        path.mkdir()
        shutil.copy(path.parent / "films" / "a.png", path / "1-2.pictures")
        shutil.copy(path.parent / "films" / "a.png", path / "film.png")
    else:
        path.write_bytes(LIKE[path.suffix])


def film(path: Path) -> None:
    shutil.copy(path.parent / "films" / "a.png", path)


def full_folder(path: Path) -> None:
    path.mkdir()
    (path / "sub").mkdir()
    shutil.copy(path.parent / "films" / "a.png", path / "sub" / "film.png")


def elsewhere(path: Path) -> Path:
    return path.parent / "elsewhere" / "victim.png"


FORMS: dict[str, Callable[[Path], object]] = {
    "a look-alike": look_alike,
    "a film": film,
    "an empty file": Path.touch,
    "a folder with a film": full_folder,
    "an empty folder": Path.mkdir,
    "a link to a film": lambda path: path.symlink_to(elsewhere(path)),
    "a link to nothing": lambda path: path.symlink_to(path.parent / "elsewhere" / "new"),
    "a hard link to a film": lambda path: os.link(elsewhere(path), path),
    "a pipe": os.mkfifo,
    "a device": lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
    "a film in other letters": lambda path: film(path.with_name(path.name.upper())),
}


def state(root: Path) -> dict[str, tuple]:
    """What stands where: kind, device, target, content."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            status = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else ""
            target = os.readlink(path) if path.is_symlink() else ""
            found[str(path.relative_to(root))] = (stat.S_IFMT(status.st_mode), status.st_rdev, target, content)
    return found


def one(root: Path, name: str, plant: Callable[[Path], object], picture: bytes) -> tuple[str, int]:
    """What was lost, in words, and the exit code."""
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("films", "elsewhere"):
        (root / folder).mkdir(parents=True)
    (root / "films" / "a.png").write_bytes(picture)
    elsewhere(root / name).write_bytes(picture + b"victim")
    plant(root / name)
    before = state(root)
    code, said = command(root)
    if code is None:
        return "hung", -1
    after = state(root)
    kept = {content for _, _, _, content in after.values()} | {EMPTY}  # also under another name, set aside and told of
    lost = [path for path, was in before.items() if after.get(path) != was and (not was[3] or was[3] not in kept)]
    if (root / "elsewhere" / "new").exists():
        lost.append("made through a link")
    if code not in (0, 2, 4, 5) or "Traceback" in said:
        lost.append(f"code {code}: {said[-200:]}")
    return ", ".join(lost), code


def command(root: Path) -> tuple[int | None, str]:
    """The batch in a forked process, which has imported all: its exit code, None where it hung, and what it said."""
    with tempfile.TemporaryFile() as streams:
        child = os.fork()
        if child == 0:
            os.chdir(root)
            os.dup2(streams.fileno(), 1)
            os.dup2(streams.fileno(), 2)
            try:
                os._exit(app([*BATCH, *FORMATS, "-q"], prog_name="xscan", standalone_mode=False) or 0)
            except BaseException as error:
                code = failure(error)  # type: ignore[arg-type]
                sys.stderr.flush()
                os._exit(code)
        until = time.monotonic() + 300
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return None, ""
            time.sleep(0.02)
        streams.seek(0)
        return os.waitstatus_to_exitcode(ended[1]), streams.read().decode(errors="replace")


EMPTY = hashlib.sha256(b"").hexdigest()  # an empty file holds nothing that could be lost: a power cut leaves such


def main() -> int:
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    picture = cv2.imencode(".png", np.random.default_rng(1).integers(0, 255, (120, 100), np.uint8))[1].tobytes()
    root = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(), "played")
    bad = 0
    del sys.modules["__main__"].__file__  # the workers of a batch would import this script, too
    for form, plant in FORMS.items():
        if sys.argv[2:] and form not in sys.argv[2:]:
            continue
        codes: Counter[int] = Counter()
        for name in NAMES:
            try:
                lost, code = one(root, name, plant, picture)
            except OSError as error:  # this file system has no such thing, or we may not make it
                print(f"{form}: not tried at {name} ({error.strerror})")
                continue
            codes[code] += 1
            if lost:
                bad += 1
                print(f"{form} at {name}: {lost}", flush=True)
        print(f"{form}: {codes.total()} names, {codes[0]} went on, {codes[2]} refused", flush=True)
    shutil.rmtree(root, ignore_errors=True)
    print(f"{bad} lost")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
