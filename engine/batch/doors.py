"""Workers' way to a network that only one process may run. Imports nothing heavy."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def doors(engine: Path, workers: int, batch_size: int, one_owner: bool = False) -> Generator[Callable[[], Any] | None]:
    """What gives workers their way to a network in this process, where only one process may run it; else None.

    one_owner: in this process whatever the engine.
    """
    from ..runtime.engines import has_one_owner, open_lanes

    if not one_owner and not has_one_owner(engine):
        yield None
        return
    from .scoring_thread import Scorer

    with Scorer(lambda: open_lanes(engine), workers, batch_size) as scorer:
        yield scorer.door
