"""How large the morning page may be: the table [page] of xscan.toml."""

from xscan.engine.errors import UsageError

from .file import NAME, table


def large_bytes() -> int | None:
    """Bytes of the page for large pictures; None: the page's own. Raises UsageError."""
    settings = table("page")
    if unknown := sorted(settings.keys() - {"large-megabytes"}):
        raise UsageError(f"{NAME}: [page] has no '{unknown[0]}': it takes large-megabytes")
    wish = settings.get("large-megabytes")
    if wish is None:
        return None
    if isinstance(wish, bool) or not isinstance(wish, (int, float)) or not 0 <= wish <= 10_000:
        raise UsageError(f"{NAME}: [page] large-megabytes must be a number from 0 (no large pictures) to 10000")
    return int(wish * 1e6)
