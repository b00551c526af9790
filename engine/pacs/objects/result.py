"""What an object says of a film, and the UIDs that follow from it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from ...lists.table import Row
from ...read.dicom.header import Header

#: Said in every object, and in the picture itself.
NOTICE = "Prioritises, does not diagnose. Not for primary diagnosis."
MANUFACTURER = "xscan"
MODEL_NAME = "xscan triage"  #: ManufacturerModelName: by it our own objects are known again
SERIES_DESCRIPTION = "xscan triage, not for diagnosis"
SCHEME = "99XSCAN"  #: private coding scheme (PS3.3 C.12.1.1.1): bands are no terms of a public one

#: Series of a study, one for each kind of object; far behind those of the modality.
SERIES_NUMBERS = {"sr": 9701, "sc": 9702, "ko": 9703}
_NAMESPACE = uuid.UUID("a2b0a7a6-1d0e-5b0e-9d64-2f3c1d3f6f11")


def is_own(header: Header) -> bool:
    """Whether xscan made this of a film: its reports, pictures and key objects are neither kept nor scored."""
    return header.text(0x00081090) == MODEL_NAME  # ManufacturerModelName; a phantom is a film


@dataclass(frozen=True)
class Result:
    """One scored film of a list."""

    band: str  #: urgent, review, routine
    finding: str  #: normal, bacteria, virus, pneumonia
    p_normal: float
    p_bacteria: float
    p_virus: float
    p_pneumonia: float
    doubt: str  #: why the network may not decide: a code and our own sentence; '' where it may
    network: str
    network_version: str
    points: tuple[float, float] | None  #: rule-out and rule-in, where the list's run report has them
    xscan_version: str
    made: datetime  #: when the result was first to be sent; UTC

    @classmethod
    def of(cls, row: Row, points: tuple[float, float] | None, xscan_version: str, made: datetime) -> "Result":
        """Raises ValueError for a row without a score."""
        normal, bacteria, virus, pneumonia = map(float, (row.p_normal, row.p_bacteria, row.p_virus, row.p_pneumonia))
        network, _, version = row.model.partition("@")
        doubt = row.reason if row.status == "review" else ""
        return cls(
            row.priority,
            row.finding,
            normal,
            bacteria,
            virus,
            pneumonia,
            doubt,
            network,
            version,
            points,
            xscan_version,
            made,
        )

    @property
    def device_uid(self) -> str:
        """Of the network: another version is another device."""
        return uid_of("device", self.network, self.network_version)

    @property
    def says(self) -> tuple[str, ...]:
        """All by which two results differ; neither time nor version of xscan: the same result is the same object."""
        numbers = (f"{p:.4f}" for p in (self.p_normal, self.p_bacteria, self.p_virus, self.p_pneumonia))
        points = (f"{point:.6f}" for point in self.points or ())
        return (self.network, self.network_version, self.band, self.finding, *numbers, self.doubt, *points)


def uid_of(*parts: str) -> str:
    """A UID that follows from texts: a UUID of version 5 under 2.25 (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(0).join(parts)).int}"


def instance_uid(kind: str, sop_uid: str, result: Result, *more: str) -> str:
    """Of one object: from its film and what it says of it. Sent again it is the same; other points make another."""
    return uid_of("instance", kind, sop_uid, *result.says, *more)


def series_uid(kind: str, study_uid: str, result: Result) -> str:
    """All objects of one kind and network in one study are one series."""
    return uid_of("series", kind, study_uid, result.network, result.network_version)


def instance_number(uid: str) -> int:
    """From 1 to 99,999, from the instance's UID: films are sent one by one, and nobody counts them."""
    return int(uid.rpartition(".")[2]) % 99_999 + 1
