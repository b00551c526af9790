"""The one clock of this room: what simulates a month sets it, and nothing else does."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """`2026-11-29T02:00:00Z`: of one length, so that the order of texts is that of times."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str) -> datetime:
    """A stamp read again. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def local_day(at: datetime) -> str:
    """`2026-11-29`, by this machine's own clock on the wall."""
    return f"{at.astimezone():%Y-%m-%d}"
