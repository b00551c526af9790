"""Lists by date: `{date}` in the name of a list is the day on which the run began, `2026-11-29`.

Each night's list holds every film that is there; unchanged rows come from the night before. Nothing of an earlier night
is written to again, but a list whose run was cut off.
"""

import contextlib
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

from ..disk.replace import writing
from ..errors import OutputError, UsageError
from ..lists.output import is_running
from ..lists.run_report import RunReport, State
from . import clock

MARK = "{date}"
_DAY = r"(\d{4}-\d\d-\d\d)"


def has_date(path: Path | None) -> bool:
    return path is not None and MARK in str(path)


def on(path: Path, day: str) -> Path:
    """The list of one night; a path without `{date}` is that of all nights."""
    return Path(str(path).replace(MARK, day))


def tonight() -> str:
    """Today, by this machine's clock; a run asks once, for midnight may pass meanwhile."""
    return clock.local_day(clock.now())


def last(path: Path) -> Path:
    """The latest night's list or, of a path without `{date}`, the list."""
    return on(path, next(iter(nights(path)), tonight())) if has_date(path) else path


def nights(path: Path, before: str = "9999") -> Iterator[str]:
    """Days of which a list or a run report is there, the latest first."""
    parent, name = _parted(path)
    pattern = re.compile(_DAY.join(map(re.escape, name.split(MARK))))
    try:
        found = {match[1] for entry in os.listdir(parent) if (match := pattern.fullmatch(entry))}
        if path.parent == parent:  # the list itself bears the date: one that never came to stand has a report alone
            ends = re.compile(pattern.pattern + re.escape(".run.json"))
            found |= {match[1] for entry in os.listdir(parent) if (match := ends.fullmatch(entry))}
    except OSError:
        return
    for day in sorted(found, reverse=True):
        list_then = on(path, day)
        if day < before and (list_then.is_file() or RunReport.read(list_then) is not None):
            yield day


def cut_off(path: Path, before: str) -> str | None:
    """The last night, where its run was cut off or interrupted and does not go on."""
    day = next(nights(path, before), None)
    if day is None:
        return None
    report = RunReport.read(on(path, day))
    stopped = report is not None and report.state in (State.RUNNING, State.INTERRUPTED)
    return day if stopped and not is_running(on(path, day)) else None


def check(path: Path) -> None:
    """Raise UsageError where the folder that holds the dated ones is missing: it may be a share that is not there."""
    parent, _ = _parted(path)
    if not parent.is_dir():
        raise UsageError(f"the folder {parent} does not exist: make it, or give another --out")


@contextlib.contextmanager
def folder_made(path: Path | None, out: Path) -> Generator[None]:
    """Inside, the folder of a night's list is there, as far as it bears the date.

    Where the run fails, a folder that was made for it and is empty goes again.

    path: the list's name for all nights, where it has one. Raises OutputError, StorageError.
    """
    made: list[Path] = []
    if path is not None and has_date(path) and not out.parent.is_dir():
        parent, _ = _parted(path)
        if not parent.is_dir():
            raise OutputError(f"the folder {parent} does not exist: make it, or give another --out")
        made = [folder for folder in (out.parent, *out.parent.parents) if not folder.exists()]
        with writing(out.parent):
            out.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def standing_folder(path: Path) -> Path:
    """The folder of a list, or the one above those that bear the date: that one is there before any night."""
    return _parted(path)[0]


def _parted(path: Path) -> tuple[Path, str]:
    """The folder above the first part that bears the date, and that part."""
    path = Path(os.path.abspath(path))
    parts = path.parts
    at = next((i for i, part in enumerate(parts) if MARK in part), len(parts) - 1)
    return Path(*parts[:at]), parts[at]
