"""The one place that imports imagecodecs: only when a film needs it, and with a reason when it does not load."""

from types import ModuleType

from ..errors import UnreadableRadiograph


def imagecodecs() -> ModuleType:
    """The package. Raise UnreadableRadiograph `missing-decoder` where it cannot be imported."""
    try:
        import imagecodecs as package
    except ImportError:
        raise UnreadableRadiograph("missing-decoder", "imagecodecs does not load: ask xscan doctor") from None
    return package
