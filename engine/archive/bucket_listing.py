"""Every object of a bucket, and every member of a zip in it, in discovery's order.

A bucket lists keys in the order of their bytes, in which `a-b/x` stands before `a/x`; a list has the order of path
components. So the first levels are listed folder by folder, until there are folders enough to list side by side; what
is below each is then listed whole, whatever folders it has, and sorted, on disk where it is much.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import dropwhile
from typing import Any

from ..errors import FileProblem, UnreadableRadiograph
from ..find import zips
from ..find.found import Found, order_key, shown_name
from ..find.in_order import in_order
from .bucket import CONNECTIONS, Bucket, Denied, Gone, Object

SIDE_BY_SIDE = CONNECTIONS // 2  #: folders listed at once; the other connections look into zips
ENOUGH = 2 * SIDE_BY_SIDE  #: folders
WIDE = 5  #: pages of a folder; one with more is not divided, so that little of it is held
HELD = 20_000  #: objects of one folder held in memory
AHEAD = 64  #: objects among which zips are looked into before it is their turn
TICK_S = 0.2

Tick = Callable[[int], None]
DENIED = UnreadableRadiograph("unreadable", "the file may not be read")
GONE = UnreadableRadiograph("vanished", "gone between listing and reading")


def walk(bucket: Bucket, tick: Tick = lambda _: None, after: str = "") -> Iterator[Found]:
    """What `discover` would find in a folder with the bucket's content.

    after: a file that an earlier walk found last: only what follows it is given.
    tick: called with the number of objects listed so far while more are waited for; what it raises ends the walk.
    Raises UsageError, StorageError.
    """
    behind = order_key(after) if after else ()
    listing = _Listing(bucket, tick, behind)
    try:
        yield from dropwhile(lambda found: order_key(found.file) <= behind, listing.found())
    finally:
        listing.end()


class _Listing:
    def __init__(self, bucket: Bucket, tick: Tick, behind: tuple[str, ...]) -> None:
        self._bucket = bucket
        self._behind = behind
        self._tick = tick
        self._listed = 0
        self._ended = False
        self._threads = ThreadPoolExecutor(CONNECTIONS, "listing")

    def end(self) -> None:
        self._ended = True  # seen between pages
        self._threads.shutdown(cancel_futures=True)

    def found(self) -> Iterator[Found]:
        window: deque[Future[Iterator[Found]] | Found] = deque()
        for each in self._objects():
            if not each.key or (each.key.endswith("/") and not each.bytes):
                continue  # what programs put there to show an empty folder
            found = Found(_shown(each.key), self._bucket.path(each.key), None, each.bytes, each.modified_ns)
            is_named_zip = each.key.lower().endswith(zips.SUFFIXES)
            window.append(self._threads.submit(self._looked_into, found) if is_named_zip else found)
            if len(window) > AHEAD:
                yield from self._given(window.popleft())
        while window:
            yield from self._given(window.popleft())

    def _given(self, what: Future[Iterator[Found]] | Found) -> Iterator[Found]:
        if isinstance(what, Found):
            yield what
        else:
            yield from self._awaited(what)

    def _objects(self) -> Iterator[Object]:
        pieces = filter(self._is_wanted, self._pieces())
        ahead: deque[Object | Future[Iterator[Object]]] = deque()
        under_way = 0
        while True:
            while under_way < SIDE_BY_SIDE and (piece := next(pieces, None)) is not None:
                if isinstance(piece, str):
                    under_way += 1
                    ahead.append(self._threads.submit(self._below, piece))
                else:
                    ahead.append(piece)
            if not ahead:
                return
            first = ahead.popleft()
            if isinstance(first, Object):
                yield first
            else:
                yield from self._awaited(first)
                under_way -= 1

    def _is_wanted(self, piece: Object | str) -> bool:
        place = _place(piece)
        return place >= self._behind[: len(place)]  # else it stands before, with all that is below it

    def _pieces(self) -> list[Object | str]:
        """Objects, and folders by their prefix, in order: few enough to hold, many enough to list side by side."""
        pieces: list[Object | str] = [""]
        levels: dict[str, list[Object | str]] = {}
        while True:
            folders = [piece for piece in pieces if isinstance(piece, str)]
            new = [folder for folder in folders if folder not in levels]
            if not new or len(folders) >= ENOUGH:
                return pieces
            asked = [(folder, self._threads.submit(self._level, folder)) for folder in new]
            for folder, future in asked:
                levels[folder] = self._awaited(future)
            pieces = [inner for piece in pieces for inner in (levels[piece] if isinstance(piece, str) else (piece,))]

    def _level(self, folder: str) -> list[Object | str]:
        """What is directly in a folder, in order; the folder itself where that is much."""
        level: list[Object | str] = []
        for number, (objects, folders) in enumerate(self._bucket.pages(folder, "/")):
            if number == WIDE or self._ended:
                return [folder]
            level += [*objects, *folders]
        return sorted(level, key=_place)

    def _below(self, folder: str) -> Iterator[Object]:
        """All objects below a folder, in order."""
        return in_order(
            self._every(folder),
            _place,
            HELD,
            lambda each: (each.key, each.bytes, each.modified_ns),
            lambda values: Object(*values),
        )

    def _every(self, folder: str) -> Iterator[Object]:
        for objects, _ in self._bucket.pages(folder):
            if self._ended:
                return
            self._listed += len(objects)
            yield from objects

    def _looked_into(self, found: Found) -> Iterator[Found]:
        """A file that is called a zip: its members, or itself. All of its directory is read before this returns."""
        path, size, modified = found.path, found.bytes, found.modified_ns
        try:
            with self._bucket.opened(path, size) as stream:
                if not zips.begins_or_ends_as_zip(stream):
                    return iter((found,))
            members = zips.members(path, lambda _: self._bucket.opened(path, size))
        except (Gone, Denied, FileProblem) as error:
            problem = error if isinstance(error, FileProblem) else GONE if isinstance(error, Gone) else DENIED
            return iter((Found(found.file, path, None, size, modified, problem),))
        return (Found(f"{found.file}/{m.shown}", path, m.entry, m.entry.unpacked, modified, m.problem) for m in members)

    def _awaited(self, future: Future[Any]) -> Any:
        while True:
            wait((future,), TICK_S)
            self._tick(self._listed)
            if future.done():
                return future.result()


def _place(piece: Object | str) -> tuple[str, ...]:
    return order_key(_shown(piece.removesuffix("/") if isinstance(piece, str) else piece.key)) if piece else ()


def _shown(key: str) -> str:
    """A key as a path in the list. Parts that no folder could have are written so that nobody takes them for a way."""
    shown = shown_name(key)
    if not {"", ".", ".."} & set(parts := shown.split("/")):
        return shown
    return "/".join({"": "%2F", ".": "%2E", "..": "%2E%2E"}.get(part, part) for part in parts)
