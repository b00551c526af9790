"""`xscan doctor`: what this machine can do, and one line of fix for what is missing."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ..terminal.console import Console
from ..terminal.options import Json, Quiet, Verbose

if TYPE_CHECKING:
    from xscan.engine.machine.checks import Check


def doctor(quiet: Quiet = False, verbose: Verbose = False, json: Json = False) -> None:
    """Say whether this machine is ready, then what could be better, then what it has: decoders, runtimes, GPUs.

    Exit code 4 when something is missing that every scan needs.
    """
    from xscan.engine.machine.checks import checks

    console = Console(quiet, verbose, json)
    found = [*checks(), _engine(), _timer()]
    missing = [check for check in found if check.needed and not check.present]
    verdict, better = _verdict(found, missing), _better(found)
    lines = [verdict]
    lines += ["", "could be better", *(f"  {line}" for line in better)] if better else []
    for group in dict.fromkeys(check.group for check in found):
        lines += ["", group]
        for check in found:
            if check.group == group:
                lines.append(f"  {'yes' if check.present else 'no ':3} {check.name:34} {check.detail}".rstrip())
                if not check.present and check.fix:
                    lines.append(f"      fix: {check.fix}")
    data = {"usable": not missing, "verdict": verdict, "better": better, "checks": [asdict(check) for check in found]}
    console.result(data, "\n".join(lines))
    if missing:
        raise typer.Exit(4)


def _verdict(found: "list[Check]", missing: "list[Check]") -> str:
    """One line: `ready: float32 on 2 cores, INT8 possible`."""
    from xscan.engine.machine.cores import usable_cores
    from xscan.engine.runtime.choose import choose

    from ..terminal.batch_summary import plural

    if missing:
        return f"not ready: {', '.join(check.name for check in missing)} missing"
    taken = choose().as_dict()
    precision = {"fp32": "float32", "fp16": "FP16", "int8": "INT8"}.get(taken["precision"], taken["precision"])
    where = plural(usable_cores(), "core") if taken["runtime"] == "onnxruntime" else taken["runtime"]
    possible = ", INT8 possible" if precision == "float32" and _has(found, "fast INT8 (VNNI)") else ""
    return f"ready: {precision} on {where}{possible}"


def _better(found: "list[Check]") -> list[str]:
    """What would help on this machine: no package for a GPU that is not there, nothing that is only for training."""
    has_gpu = _has(found, "NVIDIA GPU")
    lines = [
        f"{check.name}: {check.fix}"
        for check in found
        if not check.present and check.fix and not check.fix.startswith("none")
        if check.group in ("decoders", "engine", "nights") or (has_gpu and check.name == "engines for this GPU")
    ]
    if not _has(found, "built for this machine") and (has_gpu or _has(found, "fast INT8 (VNNI)")):
        lines.append("a quicker engine, measured against the network before it is taken: xscan build-engine")
    return lines


def _has(found: "list[Check]", name: str) -> bool:
    return any(check.present for check in found if check.name == name)


def _timer() -> "Check":
    """Whether `xscan schedule install` can install a timer itself."""
    from xscan.engine.machine.checks import Check

    from ..nightly.systemd import has_systemd

    systemd = has_systemd()
    detail = "systemd answers" if systemd else "systemd does not answer here"
    fix = (
        "" if systemd else "none needed: xscan schedule install prints the lines for cron or Windows, to be run by hand"
    )
    return Check("nights", "timer", systemd, detail, fix)


def _engine() -> "Check":
    """Which engine a batch takes here when none is named."""
    from xscan.engine.machine.checks import Check
    from xscan.engine.runtime.choose import choose

    from ..terminal.batch_summary import engine_text

    choice = choose()
    built = choice.path.name.endswith(".engine")
    fix = choice.passed_over or "none needed: the network runs as it is; xscan build-engine may make it faster"
    return Check("engine", "built for this machine", built, f"batch takes {engine_text(choice.as_dict())}", fix)
