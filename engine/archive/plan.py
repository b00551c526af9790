"""What a scan would cost, before it is begun: a sample of the films is scored here, the rest is arithmetic."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import XscanError
from .inventory import Head, Inventory, as_found
from .scanner import Scanner
from .settings import LOCAL, ActorSettings, ArchiveSettings

SAMPLE = 64  #: films, evenly spread over the inventory


@dataclass(frozen=True)
class Plan:
    files: int
    bytes: int
    left: int  #: files without a row yet
    block: int  #: films given to an actor at once
    actors: int  #: at once, on what is up now
    sample: int  #: films that were scored to measure
    film_seconds: float  #: of one worker of this machine, reading and network

    @property
    def hours(self) -> float:
        """Of a scan of what is left, were all machines as quick as this one and storage no limit."""
        return self.left * self.film_seconds / max(1, self.actors) / 3600

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"hours": round(self.hours, 3)}


def measured(settings: ArchiveSettings, inventory: Inventory, left: int, block: int, room: int) -> Plan:
    """The plan of a scan. room: actors that the cluster has room for. Raises EngineError, StorageError, UsageError."""
    head = inventory.head
    spread = sorted({i * head.files // SAMPLE for i in range(SAMPLE)}) if head.files else []
    files = [found for index in spread for found in as_found(inventory.rows(index, index + 1), head.source)]
    workers = max(1, int(settings.actor_cpus)) if settings.actor_gpus else 1
    seconds = _score(settings, head, files, workers) if files else 0.0
    cores = max(1, int(settings.actor_cpus)) if not settings.actor_gpus else 1
    actors = (settings.batch.workers if settings.address == LOCAL else room) * cores
    return Plan(head.files, head.bytes, left, block, actors, len(files), seconds / max(1, len(files)))


def _score(settings: ArchiveSettings, head: Head, files: list[Any], workers: int) -> float:
    """Seconds for the files, without what starting takes."""
    scanner = Scanner(ActorSettings(replace(settings.batch, workers=workers), head.mounts, settings.bucket))
    try:
        for act in (scanner.ready, lambda: scanner.scan(files[:1])):  # the first film loads libraries
            if "error" in (said := act()):
                raise XscanError(said["error"])
        began = time.monotonic()
        if "error" in (said := scanner.scan(files)):
            raise XscanError(said["error"])
        return time.monotonic() - began
    finally:
        scanner.close()
