"""Lay links so that editors and the type checker find `xscan.cli`, `xscan.engine`, ... in a clone.

    python scripts/rooms.py .venv

An editable install maps the names to the folders at the root when Python runs, where tools that only read the code do
not look. They look into .venv/rooms (pyproject.toml, extraPaths), where each room is a link: a symbolic one, or on
Windows a junction, which needs no rights. A new file needs nothing done.
"""

import os
import sys
from pathlib import Path

ROOMS = ("cli", "engine", "training", "calibration")


def lay(root: Path, venv: Path) -> None:
    folder = venv / "rooms" / "xscan"
    folder.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        link = folder / room
        if os.path.lexists(link):
            continue
        if sys.platform == "win32":
            import _winapi

            _winapi.CreateJunction(str(root / room), str(link))
        else:
            link.symlink_to(root / room, target_is_directory=True)


if __name__ == "__main__":
    lay(Path(__file__).resolve().parent.parent, Path(sys.argv[1]).resolve())
