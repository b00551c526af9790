"""The one place that imports imagecodecs and simplejpeg: only when a film needs them, and with a reason when they do
not load."""

from types import ModuleType

from ..errors import UnreadableRadiograph


def imagecodecs() -> ModuleType:
    """The package. Raise UnreadableRadiograph `missing-decoder` where it cannot be imported."""
    try:
        import imagecodecs as package
    except ImportError:
        raise UnreadableRadiograph("missing-decoder", "imagecodecs does not load: ask xscan doctor") from None
    return package


def simplejpeg() -> ModuleType:
    """The package. Raise UnreadableRadiograph `missing-decoder` where it cannot be imported."""
    try:
        import simplejpeg as package
    except ImportError:
        raise UnreadableRadiograph("missing-decoder", "simplejpeg does not load: ask xscan doctor") from None
    return package
