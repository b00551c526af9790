"""What a PACS has: studies of a window, their series and instances, by C-FIND (PS3.4 C.6.2); in `web`, by QIDO-RS.

Answers are taken as hints: a UID that is none is dropped, a count that is none is unknown, and nothing else of an
answer is kept.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import PeerError
from .destinations import Destination
from .uids import sound_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_T = TypeVar("_T")
_MODALITY = re.compile(r"[A-Z0-9_]{1,16}")


@dataclass(frozen=True)
class Query:
    """Studies of days, or of accession numbers; and in both cases with series of these modalities."""

    modalities: tuple[str, ...]
    since: date | None = None
    until: date | None = None
    accessions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    uid: str
    instances: int | None  #: NumberOfStudyRelatedInstances, where the PACS says it


@dataclass(frozen=True)
class Series:
    uid: str
    modality: str
    instances: int | None  #: NumberOfSeriesRelatedInstances


class Peer(Protocol):
    """A PACS that can be asked and that gives films. Every call raises PeerError where it does not answer."""

    def studies(self, query: Query) -> Iterator[Study]: ...

    def series(self, study: str) -> list[Series]: ...

    def instances(self, study: str, series: str) -> list[str]: ...

    def retrieve(self, study: str, series: str, instances: list[str], keep: Callable[[bytes], bool]) -> str:
        """Ask for films of one series; each goes to `keep` as a file. Returns why some may be missing; '' for nothing
        known. keep: True when the film is on the disk."""
        ...


def sound_count(value: Any) -> int | None:
    text = str(value if value is not None else "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def sound_modality(value: Any) -> str:
    text = str(value or "").strip().upper()
    return text if _MODALITY.fullmatch(text) else ""


def each_query(query: Query) -> Iterator[dict[str, str]]:
    """One question for each modality and accession number: lists of values in one are not matched everywhere."""
    if query.accessions:
        for accession in query.accessions:
            yield {"AccessionNumber": accession}
        return
    days = f"{query.since:%Y%m%d}-{query.until:%Y%m%d}" if query.until else f"{query.since:%Y%m%d}-"
    for modality in query.modalities:
        yield {"StudyDate": days, "ModalitiesInStudy": modality}


def once(studies: Iterable[Study]) -> Iterator[Study]:
    """Each study once: one with CR and DX films is found twice."""
    seen: set[str] = set()
    for study in studies:
        if study.uid and study.uid not in seen:
            seen.add(study.uid)
            yield study


class DimseFinder:
    """The asking half of a DIMSE peer."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._stack = ExitStack()
        self._opened: Association | None = None

    def studies(self, query: Query) -> Iterator[Study]:
        def ask() -> Iterator[Study]:
            for keys in each_query(query):
                wanted = {"StudyInstanceUID": "", "NumberOfStudyRelatedInstances": "", "StudyDate": "", **keys}
                wanted.setdefault("ModalitiesInStudy", "")
                yield from self._ask("STUDY", wanted, take)

        def take(answer: "Dataset") -> Study:
            uid = sound_uid(answer.get("StudyInstanceUID"))
            return Study(uid, sound_count(answer.get("NumberOfStudyRelatedInstances")))

        return once(ask())

    def series(self, study: str) -> list[Series]:
        keys = {
            "StudyInstanceUID": study,
            "SeriesInstanceUID": "",
            "Modality": "",
            "NumberOfSeriesRelatedInstances": "",
        }

        def take(answer: "Dataset") -> Series:
            return Series(
                sound_uid(answer.get("SeriesInstanceUID")),
                sound_modality(answer.get("Modality")),
                sound_count(answer.get("NumberOfSeriesRelatedInstances")),
            )

        return [series for series in self._ask("SERIES", keys, take) if series.uid]

    def instances(self, study: str, series: str) -> list[str]:
        keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": ""}
        found = self._ask("IMAGE", keys, lambda answer: sound_uid(answer.get("SOPInstanceUID")))
        return list(dict.fromkeys(uid for uid in found if uid))

    def _ask(self, level: str, keys: dict[str, str], take: "Callable[[Dataset], _T]") -> list[_T]:
        """What `take` makes of each answer to one question: there may be many, and as a whole they are large.

        The association stays open for the next; one that the PACS has closed meanwhile is opened again.
        """
        from pydicom.dataset import Dataset

        question = Dataset()
        question.QueryRetrieveLevel = level
        for keyword, value in keys.items():
            setattr(question, keyword, value)
        used_before = self._opened is not None
        found = self._answers(question, take)
        if found is None and used_before:
            self.close()
            found = self._answers(question, take)
        if found is None:
            self.close()
            raise PeerError(f"{self._destination.name}: the PACS broke off a query (C-FIND): run again")
        return found

    def _answers(self, question: "Dataset", take: "Callable[[Dataset], _T]") -> list[_T] | None:
        """None where the association ended before the last answer."""
        found: list[_T] = []
        opened = self._association()
        if not opened.is_established:
            return None
        for status, answer in opened.send_c_find(question, STUDY_ROOT_FIND):
            code = getattr(status, "Status", None)
            if code is None:
                return None
            if code in (0xFF00, 0xFF01):
                if answer is not None:
                    found.append(take(answer))
            elif code != 0x0000:
                raise PeerError(
                    f"{self._destination.name}: the PACS answered {code:04X} to a query (C-FIND): run again"
                )
        return found

    def _association(self) -> "Association":
        from .dimse import EXPLICIT, IMPLICIT, association

        if self._opened is None:
            contexts = [(STUDY_ROOT_FIND, (EXPLICIT, IMPLICIT))]
            self._opened = self._stack.enter_context(association(self._destination, contexts))
            if not self._opened.accepted_contexts:
                calling = self._destination.calling
                raise PeerError(f"{self._destination.name}: the PACS answers no queries (C-FIND) from {calling}")
        return self._opened

    def close(self) -> None:
        self._stack.close()
        self._opened = None
