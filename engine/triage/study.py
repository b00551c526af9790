"""What a study's band is, said once: that of its most urgent scored frontal film.

Radiologists read studies. Laterals and raw data are shown beside the frontal films and do not decide, unless nothing
else was scored. Doubts are joined: what a film of the study makes doubtful keeps the study from being routine, and so
does a film that could not be read.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from .bands import Band, placed

RAW = ("for-processing", "presentation-double")
NOT_FRONTAL = ("view", "lateral")  #: scored with a doubt, and skipped
_RANK = {band: rank for rank, band in enumerate(Band)}


class StudyFilm(Protocol):
    """What of a row of the list decides."""

    @property
    def file(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def priority(self) -> str: ...
    @property
    def finding(self) -> str: ...
    @property
    def p_pneumonia(self) -> str: ...
    @property
    def code(self) -> str: ...


@dataclass(frozen=True)
class Study:
    """A study's place. band: None where none of its films was scored."""

    band: Band | None
    film: StudyFilm | None  #: that decides: its finding and score are the study's
    films: int = 0
    scored: int = 0
    doubts: tuple[str, ...] = ()  #: codes, of scored films and of those that could not be read
    beside: dict[str, int] = field(default_factory=dict)  #: lateral, raw: films that are shown and do not decide


def study(films: Iterable[StudyFilm]) -> Study:
    """The place of one study. films: its rows of the list, at least one, in the list's order."""
    films = list(films)
    scored = [film for film in films if film.priority]
    frontal = [film for film in scored if film.code not in (*RAW, *NOT_FRONTAL)]
    deciding = frontal or scored
    decides = set(map(id, deciding))
    doubts = [film.code for film in films if _doubts(film, id(film) in decides)]
    beside = Counter(kind for film in films if (kind := _kind(film)) and id(film) not in decides)
    if not deciding:
        return Study(None, None, len(films), 0, tuple(dict.fromkeys(doubts)), dict(beside))
    most = min(deciding, key=lambda film: (_RANK[Band(film.priority)], -float(film.p_pneumonia or 0)))
    band = placed(most.priority, doubtful=bool(doubts))
    return Study(band, most, len(films), len(scored), tuple(dict.fromkeys(doubts)), dict(beside))


def _doubts(film: StudyFilm, decides: bool) -> bool:
    """Raw data beside a sound film is no doubt of the study; an odd view beside it may be the one that shows it."""
    return film.status == "failed" or (film.status == "review" and (decides or film.code not in RAW))


def _kind(film: StudyFilm) -> str:
    return "raw" if film.code in RAW else "lateral" if film.code in NOT_FRONTAL else ""
