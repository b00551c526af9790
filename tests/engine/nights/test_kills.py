"""A run that is killed at any moment: the history stays sound, and agrees with the list that the next run finishes."""

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from xscan.engine.lists.table import HEADER, encode, read_rows
from xscan.engine.nights.database import NAME
from xscan.engine.nights.history import Run, recording
from xscan.engine.nights.look_back import runs

from .nights import film

RUN = """
import sys
from pathlib import Path
from xscan.engine.lists.table import read_rows
from xscan.engine.nights.history import Run, recording
root = Path(sys.argv[1])
out = root / "t.csv"
rows = list(read_rows(out.open("rb")))
with recording(root / "state", Run("batch", out, root / "films"), print) as recorder:
    print("begun", flush=True)
    for row in rows:
        recorder.see([row])
        if row is rows[len(rows) // 2] and "hang" in sys.argv:
            print("half", flush=True)
            sys.stdin.read()
    recorder.end("finished", out, 1.0, {"files": len(rows)})
"""


def test_killed_at_random_moments(tmp_path: Path):
    rows = [film(f"{n:04}", n / 1000) for n in range(600)]
    out = tmp_path / "t.csv"
    out.write_bytes(HEADER + encode(rows))
    draw = random.Random(0)
    for number in range(4):
        command = [sys.executable, "-c", RUN, str(tmp_path), *(["hang"] if number == 0 else [])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == "begun\n"
            if number == 0:  # one is killed half-way for certain; the others may end before they are killed
                assert run.stdout.readline() == "half\n"
            else:
                time.sleep(draw.uniform(0, 0.1))
            run.kill()
    told: list[str] = []
    with recording(tmp_path / "state", Run("batch", out, tmp_path / "films"), told.append) as recorder:
        recorder.end("finished", out, 1.0, {"files": len(rows)})
    assert told == []
    with closing(sqlite3.connect(tmp_path / "state" / NAME)) as history, out.open("rb") as stream:
        assert history.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = history.execute("SELECT score, band FROM film ORDER BY score").fetchall()
        assert found == sorted((float(row.p_pneumonia), row.priority) for row in read_rows(stream))
    states = [run.state for run in runs(tmp_path / "state")]
    assert (states[0], states[-1], len(states)) == ("cut off", "finished", 5)
    assert set(states) == {"cut off", "finished"}
