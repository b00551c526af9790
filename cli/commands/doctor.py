"""`xscan doctor`: what this machine can do, and one line of fix for what is missing."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ..terminal.console import Console
from ..terminal.options import Json, Quiet, Verbose

if TYPE_CHECKING:
    from xscan.engine.machine.checks import Check


def doctor(quiet: Quiet = False, verbose: Verbose = False, json: Json = False) -> None:
    """Say which decoders, runtimes and GPUs this machine has, and how to get those that are missing.

    Exit code 4 when something is missing that every scan needs.
    """
    from xscan.engine.machine.checks import checks

    console = Console(quiet, verbose, json)
    found = [*checks(), _engine()]
    lines: list[str] = []
    for group in dict.fromkeys(check.group for check in found):
        lines.append(group)
        for check in found:
            if check.group == group:
                lines.append(f"  {'yes' if check.present else 'no ':3} {check.name:34} {check.detail}".rstrip())
                if not check.present and check.fix:
                    lines.append(f"      fix: {check.fix}")
    usable = all(check.present for check in found if check.needed)
    console.result({"usable": usable, "checks": [asdict(check) for check in found]}, "\n".join(lines))
    if not usable:
        raise typer.Exit(4)


def _engine() -> "Check":
    """Which engine a batch takes here when none is named."""
    from xscan.engine.machine.checks import Check
    from xscan.engine.runtime.choose import choose

    from ..terminal.batch_summary import engine_text

    choice = choose()
    built = choice.path.name.endswith(".engine")
    fix = choice.passed_over or "none needed: the network runs as it is; xscan build-engine may make it faster"
    return Check("engine", "built for this machine", built, f"batch takes {engine_text(choice.as_dict())}", fix)
