"""What an error of the operating system says of a place: has its disk or share failed or gone?"""

import errno

#: What only a disk or a share says that has failed or gone, whatever was being done.
_AWAY = tuple(
    getattr(errno, name)
    for name in ("EIO", "ESTALE", "ENODEV", "ENXIO", "EREMOTEIO", "ENOTCONN", "EHOSTDOWN", "ETIMEDOUT")
    if hasattr(errno, name)
)


def is_away(error: OSError) -> bool:
    """Whether it may pass by itself, or by a person who brings the disk or share back."""
    return error.errno in _AWAY
