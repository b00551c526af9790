"""Files of one JSON object a line, that grow: whole lines only, one writer at a time."""

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..disk.replace import Ours, create, require_plain, writing
from ..errors import OutputError

WAIT = 10.0  #: seconds that another process may be writing


def append(path: Path, content: dict[str, Any], ours: Ours) -> None:
    """Append one line; a last line that a kill cut off is ended first. Raises OutputError, StorageError."""
    require_plain(path)
    ours(path)
    with writing(path):
        try:
            with FileLock(path.with_name(path.name + ".lock"), timeout=WAIT):
                if not path.exists():
                    os.close(create(path, private=True))
                with path.open("r+b") as stream:
                    end = stream.seek(0, os.SEEK_END)
                    torn = b""
                    if end:
                        stream.seek(end - 1)
                        torn = b"" if stream.read(1) == b"\n" else b"\n"
                    stream.write(torn + json.dumps(content, ensure_ascii=False).encode() + b"\n")
                    stream.flush()
                    os.fsync(stream.fileno())
        except Timeout:
            raise OutputError(f"{path} is held by another process: try again") from None
