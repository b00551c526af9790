"""How a command says that it failed: one line on stderr, and with --json an object on stdout, too."""

import os
import re
import sys
from difflib import get_close_matches
from typing import Any

from xscan.engine.errors import XscanError

from . import console
from .groups import argument_name

#: The parser's words, and plain ones.
_PLAIN = (
    ("Value error, ", ""),
    ("Input should be a valid integer.*", "it is no whole number"),
    ("Input should be a valid number.*", "it is no number"),
    ("Input should be greater than or equal to (.*)", r"it must be \1 or more"),
    ("Input should be less than or equal to (.*)", r"it must be \1 or less"),
    ("Input should be ", "it must be "),
    (r"\. Did you mean (.*)\?$", r": did you mean \1?"),
)


def fail(message: str, code: int) -> int:
    """Say it; returns the code. A result that is printed already stays the only thing on stdout."""
    from xscan.engine.disk.hostile import as_json, on_a_line

    print(f"xscan: {on_a_line(message)}", file=sys.stderr)
    if console.wants_json(sys.argv) and not console.printed():
        print(as_json({"error": message, "exit_code": code}))
    return code


def failure(error: Exception) -> int:
    """The exit code of an error that ended the command, once it is said."""
    if isinstance(error, XscanError):
        return fail(str(error), error.exit_code)
    if hasattr(error, "format_message"):  # of the parser; where its class stands is not public
        return _of_the_parser(error)
    from xscan.engine.disk.away import is_away

    if isinstance(error, OSError) and is_away(error):
        return fail("a disk or share does not answer: bring it back and run the same command again", 5)
    if os.environ.get("XSCAN_TRACEBACK"):
        raise error
    # A traceback can hold a path or a header value, so only the place in our code is printed.
    code = fail(f"internal error: {_place(error)}", 1)
    print("xscan: set XSCAN_TRACEBACK=1 to see all of it (it may show file names)", file=sys.stderr)
    return code


def _of_the_parser(error: Any) -> int:
    """The parser's own words are three lines and some are its library's."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return 2
    if near := get_close_matches(getattr(error, "option_name", ""), getattr(error, "possibilities", None) or (), n=1):
        return fail(f"no such option {error.option_name}: did you mean {near[0]}?", 2)
    message = plain(error.format_message())
    missing = getattr(error, "param", None) if type(error).__name__ == "MissingParameter" else None
    if missing is not None and missing.param_type_name == "argument":
        message = f"missing argument {argument_name(missing)}"  # as --help calls it
    message = message[:1].lower() + message[1:]
    if message.endswith("?"):
        return fail(message, 2)
    command = error.ctx.command_path if getattr(error, "ctx", None) is not None else "xscan"
    return fail(f"{message}: see {command} --help", 2)


def plain(message: str) -> str:
    """What the parser says, on one line and in plain words."""
    message = " ".join(message.split()).rstrip(".")
    for theirs, ours in _PLAIN:
        message = re.sub(theirs, ours, message)
    return message


def _place(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}" if frame else "?"
    return f"{type(error).__name__} at {where}"
