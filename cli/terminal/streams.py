"""Standard streams that are not there (a service, pythonw, `2>&-`) or whose reader has gone (`| head -1`): neither
costs a run anything."""

import errno
import io
import os
import sys
from typing import Any, TextIO, cast

_GONE = (errno.EPIPE, errno.EINVAL)  # Windows says EINVAL


def stand_in() -> None:
    """Give missing streams the null device, and let writes to a pipe without a reader vanish.

    Must come before any other file is opened: one that took a closed stream's number would get its text.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        stream = getattr(sys, name)
        if stream is None:
            # The interpreter closes it at its end; the number stays open.
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))  # noqa: SIM115
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            setattr(sys, name, _lasting(stream))


def finish() -> None:
    """Write out what stdout still holds. Exits with code 5 where its disk is full."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("xscan: stdout cannot be written: make room where it goes, then run again", file=sys.stderr)
        sys.exit(5)


def _lasting(stream: io.TextIOWrapper) -> TextIO:
    try:
        pipe = _Pipe(stream.fileno(), "w", closefd=False)
    except OSError:  # a stand-in of a test, or of a program that embeds us
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(pipe), encoding=stream.encoding, errors=stream.errors, line_buffering=stream.line_buffering
    )


class _Pipe(io.FileIO):
    """A stream that goes nowhere once its reader has gone."""

    def write(self, content: Any, /) -> int:
        try:
            return cast(int, super().write(content))
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return len(memoryview(content).cast("B"))
