"""When a study is complete. DICOM has no way to say so (PS3.4 B), so it is told from quiet and closed associations.

A study is settled when nothing has come for `quiet` seconds and no association is at it any more; at the latest
`longest` seconds after the first film that is not settled yet. A film that comes later opens the study again.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import StrEnum


class Why(StrEnum):
    QUIET = "quiet"  #: nothing came any more
    LONGEST = "longest"  #: it went on arriving, and its films are not to wait


@dataclass(slots=True)
class _Arriving:
    first: float  #: the first film that is not settled
    last: float
    holders: set[Hashable] = field(default_factory=set)  #: open associations whose latest film was of this study


class Settling:
    """Studies that are arriving, by number. Kept in memory: who starts again says `arrived` of what the journal has.

    clock: seconds that never go back.
    """

    def __init__(self, quiet: float, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._longest = longest
        self._clock = clock
        self._arriving: dict[int, _Arriving] = {}
        self._at: dict[Hashable, int] = {}  # association -> the study of its latest film

    def arrived(self, study: int, association: Hashable = None) -> None:
        """A film of a study is on the disk. association: that it came by, None where it is closed already.

        An association holds the study of its latest film only: a router may keep one open all day.
        """
        now = self._clock()
        if association is not None and self._at.get(association) != study:
            self.closed(association)
        arriving = self._arriving.setdefault(study, _Arriving(now, now))
        arriving.last = now
        if association is not None:
            self._at[association] = study
            arriving.holders.add(association)

    def closed(self, association: Hashable) -> None:
        """An association has ended, well or not."""
        study = self._at.pop(association, None)
        if study in self._arriving:
            self._arriving[study].holders.discard(association)

    @property
    def associations(self) -> list[Hashable]:
        """Those that hold a study, for who must ask whether they are still open."""
        return list(self._at)

    def due(self) -> list[tuple[int, Why]]:
        """Studies that are settled now, in the order of their numbers. They are forgotten: the next film opens anew."""
        now = self._clock()
        settled = []
        for study, arriving in sorted(self._arriving.items()):
            if now - arriving.last >= self._quiet and not arriving.holders:
                settled.append((study, Why.QUIET))
            elif now - arriving.first >= self._longest:
                settled.append((study, Why.LONGEST))
        for study, _ in settled:
            del self._arriving[study]
        return settled
