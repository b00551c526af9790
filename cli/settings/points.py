"""A site's operating points: from flags, else from the table [operating-points] of xscan.toml."""

from pathlib import Path
from typing import TYPE_CHECKING

from xscan.engine.errors import UsageError

from .file import NAME, table

if TYPE_CHECKING:
    from xscan.engine.triage.points import Wish


def wishes(rule_out: str, rule_in: str) -> tuple["Wish | None", "Wish | None"]:
    """What is asked of rule-out and rule-in; None keeps the network's own. Raises UsageError."""
    from xscan.engine.triage.points import Wish

    settings = table("operating-points")
    if unknown := sorted(settings.keys() - {"rule-out", "rule-in"}):
        raise UsageError(f"{NAME}: [operating-points] has no '{unknown[0]}': it takes rule-out and rule-in")
    texts = (rule_out or settings.get("rule-out", ""), rule_in or settings.get("rule-in", ""))
    low, high = (Wish.parse(str(text)) if text else None for text in texts)
    return low, high


def manifest_for(csv: Path, engine: str):
    """The manifest of the engine given, or the one that the list's run report recorded.

    Raises UsageError where there is no list, EngineError where nothing says what made it.
    """
    from xscan.engine.errors import EngineError
    from xscan.engine.lists.run_report import manifest_of
    from xscan.engine.runtime.open import find_engine, manifest_of_engine

    if not csv.is_file():
        raise UsageError(f"no list {csv}: make it with xscan batch")
    if engine:
        return manifest_of_engine(find_engine(engine))
    manifest = manifest_of(csv)
    if manifest is None:
        raise EngineError(f"no run report beside {csv.name}: name the engine that made the list with --engine")
    return manifest
