"""The audit log: who ran what, with which engine, on which list. Lines of JSON, each with the hash of the one before.

A line that is changed, taken out or put in breaks the chain, and `verify` says where. Whoever may write the whole file
can write the whole chain anew: a head that was noted elsewhere (`xscan log verify` prints it) shows that, too. Files
are kept 400 days; that one was taken away is itself a line. No name, no path and no film's UID stands in it.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..disk.overwrite import unreadable
from ..disk.replace import create, move, require_plain, writing
from ..errors import OutputError
from . import clock
from .state import make_folder

NAME = "audit.jsonl"
LARGEST = 8 << 20  #: bytes of a file, then a new one is begun
KEEP_DAYS = 400  #: at least six months, and a year's inspection
FIRST = "0" * 64  #: what stands before the first line
WAIT = 10.0  #: seconds that another process may be writing
_OLD = re.compile(r"audit-(\d{8}T\d{6}Z)(-\d+)?\.jsonl")


@dataclass
class Verdict:
    """What `verify` found. problems: a sentence each; none where the chain is whole."""

    lines: int = 0
    files: int = 0
    head: str = FIRST  #: hash of the last line: note it elsewhere
    since: str = ""
    torn: int = 0  #: lines that a kill cut off, and that the log says so of
    start: str = FIRST  #: what its first line names as the one before
    heads: set[str] = field(default_factory=set)  #: of old files that were taken away by age
    problems: list[str] = field(default_factory=list)


def append(folder: Path, what: str, facts: dict[str, Any]) -> str:
    """Add a line to the log of a state folder; returns its hash. Raises OutputError, StorageError."""
    make_folder(folder)
    path = folder / NAME
    require_plain(path)
    with writing(path):
        try:
            with FileLock(folder / (NAME + ".lock"), timeout=WAIT):
                return _append(folder, path, what, facts)
        except Timeout:
            raise OutputError(f"{path} is held by another process: see who uses it") from None


def _append(folder: Path, path: Path, what: str, facts: dict[str, Any]) -> str:
    number, before = _last(folder)
    entries: list[tuple[str, dict[str, Any]]] = []
    # A line that was cut off stays in the file of the line that tells of it: the next call begins a new one.
    if path.exists() and path.stat().st_size > LARGEST and not _torn(path.read_bytes()):
        _rotate(path)
        entries.append(("rotated", {"removed": _remove_old(folder)}))
    if not path.exists():
        os.close(create(path, private=True))
    with path.open("r+b") as stream:
        if torn := _torn(stream.read()):
            stream.write(b"\n")
            entries.insert(0, ("torn", {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}))
        for name, told in (*entries, (what, facts)):
            number += 1
            entry = {"n": number, "time": clock.stamp(clock.now()), "who": _who(), "what": name, **told, "prev": before}
            line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace")
            stream.write(line + b"\n")
            before = hashlib.sha256(line).hexdigest()
        stream.flush()
        os.fsync(stream.fileno())
    return before


def files_of(folder: Path) -> list[Path]:
    """The log's files, the oldest first."""
    old = sorted(path for path in folder.glob("audit-*.jsonl") if _OLD.fullmatch(path.name))
    return [*old, *([folder / NAME] if (folder / NAME).exists() else [])]


def verify(folder: Path) -> Verdict:
    """Follow the chain through all files. Raises OutputError, StorageError where a file cannot be read."""
    found = Verdict()
    for path in files_of(folder):
        found.files += 1
        try:
            content = path.read_bytes()
        except OSError as error:
            raise unreadable(path, error) from None
        lines = content.split(b"\n")
        for place, line in enumerate(lines, 1):
            entry, following = _entry(line), _entry(lines[place]) if place < len(lines) else None
            if not line:
                continue
            if _says_torn(following, line):
                found.torn += 1
            elif entry is None:
                last = path.name == NAME and place == len(lines)
                found.torn += last  # at the very end: the next line will say so
                if not last:
                    found.problems.append(f"{path.name}, line {place}: it is no line of the log, or was changed")
            else:
                _follow(found, entry, line, f"{path.name}, line {place}")
    if found.start != FIRST and found.start not in found.heads:
        found.problems.append(
            "the log does not begin with its first line, and no line says that older ones were removed"
        )
    return found


def _follow(found: Verdict, entry: dict[str, Any], line: bytes, where: str) -> None:
    if found.lines == 0:
        found.since, found.start = str(entry.get("time", "")), str(entry["prev"])
    elif entry.get("prev") != found.head:
        found.problems.append(f"{where}: the line before it was changed or taken out")
    if entry.get("what") == "rotated":
        found.heads.update(str(gone.get("head")) for gone in entry.get("removed", ()))
    found.lines += 1
    found.head = hashlib.sha256(line).hexdigest()


def _says_torn(entry: dict[str, Any] | None, line: bytes) -> bool:
    """Whether a line says that the one before it was cut off; it may look whole, where only its end was missing."""
    if entry is None or entry.get("what") != "torn":
        return False
    return bool(entry.get("sha256") == hashlib.sha256(line).hexdigest())


def _last(folder: Path) -> tuple[int, str]:
    """Number and hash of the last whole line."""
    for path in reversed(files_of(folder)):
        content = path.read_bytes()
        whole = content[: len(content) - len(_torn(content))]
        for line in reversed(whole.splitlines()):
            if (entry := _entry(line)) is not None:
                return int(entry["n"]), hashlib.sha256(line).hexdigest()
    return 0, FIRST


def _torn(content: bytes) -> bytes:
    """What stands behind the last line end."""
    return content[content.rfind(b"\n") + 1 :]


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("n"), int) and "prev" in entry else None


def _rotate(path: Path) -> None:
    name, number = f"audit-{clock.now():%Y%m%dT%H%M%SZ}", 1
    target = path.with_name(f"{name}.jsonl")
    while target.exists():
        number += 1
        target = path.with_name(f"{name}-{number}.jsonl")
    move(path, target)


def _remove_old(folder: Path) -> list[dict[str, Any]]:
    """Files of which every line is older than KEEP_DAYS; what is told of them stays in the log."""
    removed = []
    oldest = f"{clock.now() - timedelta(days=KEEP_DAYS):%Y%m%dT%H%M%SZ}"
    for path in files_of(folder):
        named = _OLD.fullmatch(path.name)
        if named and named[1] < oldest:  # named after the moment of its last line
            content = path.read_bytes()
            last = next(reversed(content.splitlines()), b"")
            removed.append({"file": path.name, "head": hashlib.sha256(last).hexdigest()})
            path.unlink()
    return removed


def _who() -> str:
    """The system's user that runs this: a member of staff or a service."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "?"
