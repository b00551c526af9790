"""`--notify CMD`: run a command when a night ended badly. It never changes how the night ended.

CMD is split into words as a shell would and run without one; the run report's path comes last, '' where the run
wrote none. The exit code is in the environment as XSCAN_EXIT_CODE.
"""

import functools
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xscan.engine.errors import UsageError

from .terminal.console import Console

if TYPE_CHECKING:
    import subprocess

SECONDS = 60  #: what a command may take; a nightly job must not hang on a mail server


def notifies(command: Callable[..., None]) -> Callable[..., None]:
    """Around a command with the options `out` and `notify`: whatever ends it badly is told."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        from xscan.engine.nights import dated

        with notifying(options["notify"], dated.on(options["out"], dated.tonight())):
            command(**options)

    return run


@contextmanager
def notifying(notify: str, out: Path) -> Iterator[None]:
    """Runs `notify` if the block ends with another exit code than 0. Raises UsageError when it cannot be split."""
    if not notify:
        yield
        return
    from xscan.engine.lists.run_report import report_of

    command = words(notify)
    before = _stamp(report_of(out))
    terminate = signal.signal(signal.SIGTERM, _interrupt)  # until the batch has its own handler, and after it
    try:
        yield
    except BaseException as error:
        code = getattr(error, "exit_code", 130 if isinstance(error, KeyboardInterrupt) else 1)
        signal.signal(signal.SIGTERM, terminate)
        if code != 0:
            report = report_of(out)
            # An engine that does not load ends the run before it writes: last night's report would mislead.
            tell(command, report if _stamp(report) != before else None, code)
        raise
    else:
        signal.signal(signal.SIGTERM, terminate)


def tell_of_settings(arguments: list[str], code: int) -> None:
    """Where the settings file cannot be used no command is called: tell by what the command line itself says."""
    for word, following in pairwise([*arguments, ""]):
        name, sign, value = word.partition("=")
        if name == "--notify":
            with suppress(UsageError):
                tell(words(value if sign else following), None, code)


def words(notify: str) -> list[str]:
    """The command's words; quotes hold them together. Raises UsageError."""
    lexer = shlex.shlex(notify, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    if os.name == "nt":
        lexer.escape = ""  # C:\tools\tell.exe: a backslash is no escape there
    try:
        found = list(lexer)
    except ValueError:
        raise UsageError("cannot read --notify: a quote is not closed") from None
    if not found:
        raise UsageError("--notify is empty: give the command to run")
    return found


def tell(command: list[str], report: Path | None, code: int, message: str = "", seconds: float = SECONDS) -> None:
    """Run the command and wait for it; whatever goes wrong is a warning. message: what it is told of, without names."""
    import subprocess

    warn = Console().warn
    environment = os.environ | {"XSCAN_EXIT_CODE": str(code), "XSCAN_MESSAGE": message}
    line = [*command, str(report) if report and report.is_file() else ""]
    try:
        # Its standard output is nobody's data: ours may be read by a machine. A session of its own, to end it whole.
        process = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment, start_new_session=True
        )
    except (OSError, ValueError):
        warn("the command of --notify cannot be started: check that it exists and may be run")
        return
    try:
        if process.wait(seconds) != 0:
            warn(f"the command of --notify ended with code {process.returncode}")
    except subprocess.TimeoutExpired:
        warn(f"the command of --notify took longer than {seconds:g} seconds and was ended")
    finally:  # also when a second Ctrl-C ends the wait
        if process.poll() is None:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
