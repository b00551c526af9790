"""What a header's text says: chest, spine, another part of the body, lateral, frontal; in the languages of
`vocabulary`. A word that is not there is not understood: such a film is scored, never skipped."""

import re
import unicodedata
from enum import Flag, auto
from functools import cache

from . import vocabulary


class Says(Flag):
    NOTHING = 0
    CHEST = auto()
    CHEST_ALONE = auto()  #: a noun of its own, and not the 'thoracic' of the thoracic spine
    SPINE = auto()
    ELSEWHERE = auto()
    LATERAL = auto()
    FRONTAL = auto()


_FOLDS = str.maketrans({"ß": "SS", "Ł": "L", "Ø": "O", "Æ": "AE", "Đ": "D", "Œ": "OE", "ı": "I", "İ": "I", "Þ": "TH"})
_TWO_LETTERS = str.maketrans({"Ä": "AE", "Ö": "OE", "Ü": "UE", "Å": "AA", "Ø": "OE"})
_SPACELESS = re.compile(r"[\u0900-\u097f\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_]+")


def _folded(text: str) -> str:
    """Capitals without accents; half-width letters as full ones."""
    plain = unicodedata.normalize("NFKC", text).translate(_FOLDS).upper().translate(_FOLDS)
    plain = "".join(c for c in unicodedata.normalize("NFD", plain) if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", plain)


class _Words:
    """Entries of one meaning, looked up by whole words, their beginnings, their ends, and anywhere."""

    def __init__(self, *lists: str) -> None:
        self.whole: set[str] = set()
        self.starts: set[str] = set()
        self.ends: set[str] = set()
        inside: set[str] = set()
        scripts: set[str] = set()
        for entry in ", ".join(lists).split(", "):
            for spelled in {entry, entry.translate(_TWO_LETTERS)}:
                word = _folded(spelled).replace("-", " ").replace("'", " ")
                bare = word.strip("*")
                if _SPACELESS.search(word):
                    scripts.add(re.escape(bare))
                elif " " in word:
                    phrase = r"\b" + r"\W+".join(re.escape(p).replace(r"\*", r"\w*") for p in word.split()) + r"\b"
                    (inside if word.isascii() else scripts).add(phrase)
                elif word[0] == word[-1] == "*":
                    inside.add(re.escape(bare))
                elif word[0] == "*":
                    self.ends.add(bare)
                else:
                    (self.starts if word[-1] == "*" else self.whole).add(bare)
        self._least = min(map(len, self.starts | self.ends), default=1)
        self._inside, self._scripts = (
            re.compile("|".join(sorted(part)) or r"(?!)").search for part in (inside, scripts)
        )

    def are_in(self, words: list[str], text: str) -> bool:
        for word in words:
            if word in self.whole:
                return True
            for length in range(self._least, len(word) + 1):
                if word[:length] in self.starts or word[-length:] in self.ends:
                    return True
        return self._inside(text) is not None or (not text.isascii() and self._scripts(text) is not None)


@cache  # not above: a folder without DICOM does without
def _tables() -> dict[Says, _Words]:
    return {
        Says.CHEST: _Words(*vocabulary.CHEST.values()),
        Says.CHEST_ALONE: _Words(vocabulary.CHEST_ALONE),
        Says.SPINE: _Words(*vocabulary.SPINE.values()),
        Says.ELSEWHERE: _Words(*vocabulary.ELSEWHERE.values()),
        Says.LATERAL: _Words(*vocabulary.LATERAL.values()),
        Says.FRONTAL: _Words(*vocabulary.FRONTAL.values()),
    }


@cache
def _parts() -> _Words:
    return _Words(vocabulary.PARTS)


_YEARS = re.compile(r"\d\s*LAT\b")  # Polish: 5 LAT, five years


def said(text: str) -> Says:
    """What a text says, in any of the languages."""
    folded = _YEARS.sub(" ", _folded(text).replace("_", " "))
    words = _WORD.findall(folded)
    found = Says.NOTHING
    for meaning, table in _tables().items():
        if table.are_in(words, folded):
            found |= meaning
    return found


def part_said(text: str) -> Says:
    """What BodyPartExamined, or the meaning of a region's code, says."""
    folded = _folded(text)
    found = said(text)
    return found | Says.ELSEWHERE if _parts().are_in(_WORD.findall(folded), folded) else found
