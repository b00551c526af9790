"""The audit log's chain: whatever is done to it shows, and a kill does not break it."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from xscan.engine.nights import audit_log, clock
from xscan.engine.nights.audit_log import NAME, append, files_of, verify


def fill(state: Path, lines: int = 6) -> Path:
    for number in range(lines):
        append(state, "batch", {"state": "finished", "files": number})
    return state / NAME


def test_a_whole_chain(state: Path):
    file = fill(state)
    found = verify(state)
    assert (found.lines, found.problems, found.torn) == (6, [], 0)
    assert append(state, "engine", {}) == verify(state).head
    assert [json.loads(line)["n"] for line in file.read_bytes().splitlines()] == list(range(1, 8))


@pytest.mark.parametrize("what", ["changed", "taken out", "put in", "swapped", "beginning taken out", "nonsense"])
def test_what_is_done_to_it_shows(state: Path, what: str):
    file = fill(state)
    lines = file.read_bytes().splitlines(keepends=True)
    if what == "changed":
        lines[2] = lines[2].replace(b'"files": 2', b'"files": 9')
    elif what == "taken out":
        del lines[2]
    elif what == "put in":
        lines.insert(3, lines[2])
    elif what == "swapped":
        lines[2], lines[3] = lines[3], lines[2]
    elif what == "nonsense":
        lines[2] = b"x" * len(lines[2]) + b"\n"
    else:
        del lines[:2]
    file.write_bytes(b"".join(lines))
    assert verify(state).problems


@pytest.mark.parametrize("cut", [1, 2, 30, 10_000])
def test_a_torn_last_line_is_told_and_continued(state: Path, cut: int):
    file = fill(state)
    content = file.read_bytes()
    begin = content[:-1].rfind(b"\n") + 1
    file.write_bytes(content[: max(begin + 5, len(content) - cut)])
    assert verify(state).problems == []
    append(state, "batch", {})
    append(state, "batch", {})
    found = verify(state)
    assert found.problems == []
    assert found.torn == 1
    assert found.lines == 5 + 3  # the torn one is none; a line tells of it
    lines = file.read_bytes().splitlines(keepends=True)
    del lines[6]  # the line that tells of it
    file.write_bytes(b"".join(lines))
    assert verify(state).problems


def test_old_files_go_after_a_year_and_the_log_says_so(state: Path, monkeypatch: pytest.MonkeyPatch):
    time = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: time)
    monkeypatch.setattr(audit_log, "LARGEST", 2000)
    for _ in range(60):
        fill(state, 3)
        time += timedelta(days=10)
    found = verify(state)
    assert found.problems == []
    assert found.files > 2
    kept = clock.moment(found.since)
    assert timedelta(days=183) < time - kept < timedelta(days=audit_log.KEEP_DAYS + 60)
    files_of(state)[0].unlink()  # by somebody, and no line says so
    assert verify(state).problems


def test_a_torn_line_stays_with_the_line_that_tells_of_it(state: Path, monkeypatch: pytest.MonkeyPatch):
    file = fill(state)
    file.write_bytes(file.read_bytes()[:-20])  # killed in the last line of a file that is full
    monkeypatch.setattr(audit_log, "LARGEST", 200)
    append(state, "batch", {})
    append(state, "batch", {})
    found = verify(state)
    assert (found.files, found.torn, found.problems) == (2, 1, [])


def test_writers_at_once_make_one_chain(state: Path):
    code = (
        "import sys; from pathlib import Path; from xscan.engine.nights.audit_log import append\n"
        "for n in range(20): append(Path(sys.argv[1]), 'batch', {'files': n})"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(state)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = verify(state)
    assert (found.lines, found.problems) == (60, [])
