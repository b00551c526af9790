"""What an archive run is asked for, and how far it has come."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..batch.settings import BatchSettings

LOCAL = "local"
MOST_FILMS = 1024  #: of a block, the unit that an actor is given and that becomes one part
FEWEST_FILMS = 64
_MOST_US = 2**63 - 1
#: From a network the engine for the machine that it is called on, built there on first use. Nodes import it by name.
Build = Callable[[Path], Path]
BLOCKS = 4000  #: that an archive is divided into, where the limits above allow it


@dataclass(frozen=True)
class ArchiveSettings:
    """`batch` is the batch that would make the same list: its folder is the source, or a Parquet inventory of one,
    and its `out` the list in `place`."""

    batch: BatchSettings
    place: Path  #: folder for the list and for what a later run carries on from
    address: str = LOCAL  #: of the cluster: `ray://HOST:PORT`, `HOST:PORT`; `local`: this machine alone
    actor_cpus: float = 1.0  #: processor cores that an actor is counted with; its worker processes are as many
    actor_gpus: float = 0.0
    block: int = 0  #: films given to an actor at once; 0: by the archive's size
    bucket: str = ""  #: `s3://BUCKET/PREFIX`: the source in place of the batch's folder
    build: Build | None = None  #: where the batch's engine is a network that each node makes its own engine of

    @property
    def root(self) -> str:
        """Of the inventory's paths: the folder, absolute, or the bucket."""
        return self.bucket or os.path.abspath(self.batch.folder)


@dataclass(frozen=True)
class ActorSettings:
    """What an actor is started with."""

    batch: BatchSettings  #: that would make the same list, with as many workers as the actor has
    mounts: Mapping[str, str]  #: folders of the source on other file systems
    bucket: str = ""  #: the source in place of the folder
    environment: Mapping[str, str | None] = field(default_factory=dict)  #: to be set there; None: to be taken away
    build: Build | None = None


@dataclass
class Progress:
    """How far a step has come, for whoever watches."""

    step: str  #: inventory, scan, finish
    done: int = 0  #: files
    total: int | None = None
    new: int = 0  #: of this run
    seconds: float = 0.0  #: of this step
    actors: int = 0  #: at work
    lost: int = 0  #: actors that ended before their time, and were replaced
    failures: Counter[str] = field(default_factory=Counter)  #: of this run, by code


def block_of(files: int) -> int:
    """Films of a block: a power of two, fine for small archives, few for large ones."""
    size = FEWEST_FILMS
    while size < MOST_FILMS and files > size * BLOCKS:
        size *= 2
    return size


def micros(modified_ns: int) -> int:
    """A file's time as the inventory has it; what 64 bits cannot hold is no date in a list either."""
    return max(-_MOST_US, min(modified_ns // 1000, _MOST_US))
