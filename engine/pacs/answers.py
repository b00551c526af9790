"""What a PACS says of one object that it was given."""

from dataclasses import dataclass

#: C-STORE's answers (PS3.4 B.2.3, PS3.7 annex C) that will not change by asking again.
_FOR_GOOD = {0x0117, 0x0122, 0x0124, 0x0210, 0x0211, 0x0212}
_DUPLICATE = 0x0111  #: it has this instance already, which is what we want


@dataclass(frozen=True)
class Answer:
    """`code` is kept in the outbox: '' for success, a DICOM status as four digits, or a word of docs/pacs.md."""

    code: str
    stored: bool
    for_good: bool = False  #: asking again will not change it


def answer_of(status: int | None) -> Answer:
    """What a C-STORE status means. None: the association ended before an answer."""
    if status is None:
        return Answer("no-answer", stored=False)
    code = f"{status:04X}"
    if status == 0x0000:
        return Answer("", stored=True)
    if status >> 12 == 0xB or status in (0x0001, 0x0107, 0x0116, _DUPLICATE):  # a warning: it is stored
        return Answer(code, stored=True)
    # A9xx: not what its SOP class says; Cxxx: it cannot be understood. A7xx: out of resources, which passes.
    return Answer(code, stored=False, for_good=status >> 8 == 0xA9 or status >> 12 == 0xC or status in _FOR_GOOD)
