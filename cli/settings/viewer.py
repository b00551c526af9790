"""The clinic's own viewer: the table [viewer] of xscan.toml."""

from xscan.engine.errors import UsageError

from .file import NAME, table


def viewer() -> str:
    """The address of [viewer], checked; '' where none is set. Raises UsageError."""
    settings = table("viewer")
    if unknown := sorted(settings.keys() - {"url"}):
        raise UsageError(f"{NAME}: [viewer] has no '{unknown[0]}': it takes url")
    url = settings.get("url", "")
    if not isinstance(url, str):
        raise UsageError(f"{NAME}: [viewer] url must be a text in quotes")
    if not url:
        return ""
    from xscan.engine.report.viewer import check_pattern

    try:
        return check_pattern(url)
    except UsageError as error:
        raise UsageError(f"{NAME}: [viewer] url: {error}") from None
