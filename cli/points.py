"""A site's operating points: from flags, else from the table [operating-points] of xscan.toml."""

from typing import TYPE_CHECKING

from xscan.engine.errors import UsageError

from .config import NAME, table

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
