"""What is to be fetched, from the words of a command line: days, modalities, a file of accession numbers."""

import re
from datetime import date, datetime, timedelta
from pathlib import Path

from ..errors import UsageError
from .accessions import read_accessions
from .find import Query, sound_modality


def query_of(since: str, overlap: int, modality: str, accession_list: Path | None) -> Query:
    """since: yesterday, today, 3d, or 2026-01-31. overlap: days before it. Raises UsageError."""
    modalities = _modalities(modality)
    if accession_list is not None:
        return Query(modalities, accessions=read_accessions(accession_list))
    today = datetime.now().astimezone().date()
    return Query(modalities, _day(since, today) - timedelta(days=overlap), today + timedelta(days=1))


def _day(since: str, today: date) -> date:
    if since in ("today", "yesterday"):
        return today - timedelta(days=since == "yesterday")
    if found := re.fullmatch(r"(\d{1,4})d", since):
        return today - timedelta(days=int(found[1]))
    try:
        return date.fromisoformat(since)
    except ValueError:
        raise UsageError(f"--since {since}: give yesterday, today, 3d, or a day as 2026-01-31") from None


def _modalities(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(sound_modality(word) for word in text.split(",")))
    if not found or "" in found:
        raise UsageError(f"--modality {text}: give DICOM's terms, separated by commas, such as CR,DX")
    return found
