"""Films from a PACS into a folder: what is new in a window, each study counted against what the PACS says it has.

A film lies at `FOLDER/<hash of its study>/<hash of its instance>.dcm`: nothing that a PACS writes makes a path. It is
on the disk before it counts as seen, so a night that was cut off carries on with the same command.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..disk.overwrite import in_own_folder
from ..disk.replace import replace_bytes, writing
from ..errors import OutputError, StorageError, UnreadableRadiograph
from ..read.dicom.header import PIXEL_DATA, Header, parse
from ..read.film import DEFAULT_LIMITS
from .destinations import Destination, Way
from .find import Peer, Query, Series, Study
from .hush import hushed
from .notes import alone
from .objects.result import is_own
from .seen import DAMAGED, KEPT, OWN, Seen
from .uids import sound_uid

log = logging.getLogger("xscan")

AT_ONCE = 20  #: films of one series that are asked for in one question
TRIES = 2  #: of a series in one run; what is missing then is asked for by the next run


@dataclass
class Fetched:
    """What a run did."""

    studies: int = 0  #: in the window
    unchanged: int = 0  #: of these: fetched whole before
    films: int = 0  #: new on the disk
    known: int = 0  #: fetched before
    missing: int = 0  #: that the PACS has and did not give
    incomplete: int = 0  #: studies with missing films, or that the PACS counts in two ways: they come again next time
    left: int = 0  #: studies left for another time: off-peak hours ended, or the run was stopped
    reasons: dict[str, int] = field(default_factory=dict)  #: why films are missing: a sentence and how many series

    def because(self, why: str) -> None:
        self.reasons[why] = self.reasons.get(why, 0) + 1


@contextmanager
def peer_of(destination: Destination) -> Generator[Peer]:
    """The way to films that the destination's settings name. Raises UsageError, PeerError."""
    if destination.retrieve is Way.WEB:
        from .web import WebPeer

        with WebPeer(destination) as peer:
            yield peer
        return
    from .retrieve import dimse_peer

    with dimse_peer(destination, move=destination.retrieve is Way.MOVE) as peer:
        yield peer


@hushed()
def fetch(
    destination: Destination,
    query: Query,
    folder: Path,
    state: Path,
    *,
    again: bool = False,
    clock: Callable[[], datetime] = datetime.now,
    stop: threading.Event | None = None,
    progress: Callable[[Fetched], None] = lambda _: None,
) -> Fetched:
    """Bring what is new of a query into a folder.

    state: folder of xscan's own state. again: films that were fetched before, too. clock: the time of day, for off-peak
    hours. stop: set it to end after the question in hand.
    Raises PeerError where the PACS does not answer; UsageError, OutputError, StorageError. What came stays.
    """
    done = Fetched()
    stop = stop or threading.Event()
    lock = state / f"fetch-{destination.name}.lock"
    busy = f"another xscan is fetching from {destination.name}: let it end"
    with _folder(folder), Seen(state) as seen, alone(lock, busy), peer_of(destination) as peer:
        if again:
            seen.forget(destination.name)
        studies = list(peer.studies(query))
        done.studies = len(studies)
        for number, study in enumerate(studies):
            if stop.is_set() or not destination.may_fetch(clock().time()):
                done.left = len(studies) - number
                break
            if seen.is_complete(destination.name, study.uid, study.instances):
                done.unchanged += 1
                continue
            _fetch_study(destination.name, peer, study, query, folder, seen, done)
            log.info("study %d: %d films new, %d missing so far", number + 1, done.films, done.missing)
            progress(done)
    return done


def _fetch_study(source: str, peer: Peer, study: Study, query: Query, folder: Path, seen: Seen, done: Fetched) -> None:
    found = peer.series(study.uid)
    counted = [series.instances for series in found]
    total = sum(count for count in counted if count is not None) if None not in counted else None
    whole = True
    if study.instances is not None and total is not None and total != study.instances:
        done.because("the PACS counts a study in two ways: it is still arriving")
        whole = False
    for series in found:
        if series.modality in query.modalities:
            whole &= _fetch_series(source, peer, study.uid, series, folder, seen, done)
    if whole and study.instances is not None:
        seen.complete(source, study.uid, study.instances)
    elif not whole:
        done.incomplete += 1


def _fetch_series(source: str, peer: Peer, study: str, series: Series, folder: Path, seen: Seen, done: Fetched) -> bool:
    """Whether all of it is here."""
    listed = peer.instances(study, series.uid)
    whole = series.instances is None or len(listed) == series.instances
    if not whole:
        done.because("the PACS lists fewer or more films than it counts")
    known = seen.films(source, study)
    wanted = [uid for uid in listed if uid not in known]
    done.known += len(listed) - len(wanted)
    keeper = _Keeper(source, study, folder, seen)
    why = ""
    for _ in range(TRIES):
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            keeper.wanted = set(part)
            why = peer.retrieve(study, series.uid, part, keeper) or why
            if keeper.problem is not None:
                raise keeper.problem
        wanted = [uid for uid in wanted if uid not in keeper.kept]
        if not wanted:
            break
    done.films += keeper.films
    if wanted:
        done.missing += len(wanted)
        done.because(why or "the PACS said that it sent all, and did not")
    return whole and not wanted


class _Keeper:
    """Puts films on the disk as they come."""

    def __init__(self, source: str, study: str, folder: Path, seen: Seen) -> None:
        self.wanted: set[str] = set()
        self.kept: set[str] = set()
        self.films = 0
        self._damaged: dict[str, bytes] = {}  # digests of films that came damaged
        self.problem: OutputError | StorageError | None = None  #: why no film can be kept any more
        self._source = source
        self._study = study
        self._folder = folder
        self._seen = seen

    def __call__(self, content: bytes) -> bool:
        """Whether the film is one that was asked for, and is on the disk. Raises StorageError, OutputError."""
        try:
            header = parse(content, DEFAULT_LIMITS.max_bytes)
        except UnreadableRadiograph:
            return False
        uid = sound_uid(header.text(0x00080018))
        if uid not in self.wanted or sound_uid(header.text(0x0020000D)) != self._study:
            return False
        fate = OWN if is_own(header) else KEPT
        if fate is KEPT and not is_whole(header):
            digest = hashlib.sha256(content).digest()
            before, self._damaged[uid] = self._damaged.get(uid), digest
            if before != digest:
                return False  # it is asked for once more
            fate = DAMAGED  # twice the same: it is so in the PACS
        try:
            self._keep(uid, content, fate)
        except (OutputError, StorageError) as error:
            self.problem = error
            raise
        return True

    def _keep(self, uid: str, content: bytes, fate: str) -> None:
        if fate != OWN:
            target = self._folder / _hash(self._study)[:16] / f"{_hash(uid)[:32]}.dcm"
            with writing(target):
                target.parent.mkdir(mode=0o750, exist_ok=True)
            replace_bytes(target, content, in_own_folder, private=True)
        self._seen.add(self._source, self._study, uid, fate)
        if fate == DAMAGED:
            return
        self.films += fate == KEPT and uid not in self.kept
        self.kept.add(uid)


def is_whole(header: Header) -> bool:
    """Whether a film's pixels are all there, by their length, or by the mark that ends compressed ones (PS3.5 A.4)."""
    rows, columns = header.number(0x00280010) or 0, header.number(0x00280011) or 0
    if header.problem is not None or PIXEL_DATA not in header:
        return header.problem is None and not rows
    pixels = header.elements[PIXEL_DATA]
    if pixels.length < 0:
        return header.content.rfind(b"\xfe\xff\xdd\xe0") > pixels.start
    frames = int((header.decimals(0x00280008) or [1])[0])
    bits = rows * columns * (header.number(0x00280002) or 1) * (header.number(0x00280100) or 0) * frames
    return pixels.length >= bits // 8 and pixels.start + pixels.length <= len(header.content)


def _hash(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()


@contextmanager
def _folder(folder: Path) -> Generator[None]:
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    yield
