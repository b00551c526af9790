"""What every command shares: the options -q, -v, --json, --no-progress, and how they print.

A file name or a DICOM value may hold what a terminal obeys: here it is written as an escape. What does that is imported
when there is something to print: `--help` goes without.
"""

import sys
from dataclasses import dataclass
from typing import Any

_printed = False


def printed() -> bool:
    """Whether this process has printed a command's result."""
    return _printed


def wants_json(arguments: list[str]) -> bool:
    """Whether a command line asks for JSON, also one that cannot be parsed."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


@dataclass(frozen=True)
class Console:
    """Data goes to stdout, everything else to stderr; progress only to a terminal."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False
    no_progress: bool = False

    @property
    def progress(self) -> bool:
        return not (self.quiet or self.no_progress) and sys.stderr is not None and sys.stderr.isatty()

    def say(self, text: str) -> None:
        from xscan.engine.disk.hostile import on_terminal

        if not self.quiet:
            print(on_terminal(text), file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        if self.verbose:
            self.say(text)

    def warn(self, text: str) -> None:
        from xscan.engine.disk.hostile import on_a_line

        print(f"xscan: warning: {on_a_line(text)}", file=sys.stderr, flush=True)

    def result(self, data: dict[str, Any], text: str) -> None:
        """Print a command's result: `data` with --json, else `text` (also when quiet: it is the data)."""
        from xscan.engine.disk.hostile import as_json, on_terminal

        global _printed
        _printed = True
        if self.json or text:
            print(as_json(data) if self.json else on_terminal(text))
