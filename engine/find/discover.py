"""Find every file of a folder, in one order on every machine, without reading any picture.

The order is that of the tuples of path components: depth first, a folder's files, sub-folders and zips
sorted together by name (code point by code point). A zip is walked like a folder. Memory stays bounded:
names of a very large folder are sorted in runs on disk and merged.

Links inside the scanned folder are followed, to files and to folders; a link out of it becomes one row
(`failed: link-outside`) unless links are to be followed everywhere. A link to a folder that the walk is already in
becomes one row (`skipped: link-loop`), as does one to a folder that an earlier link led to (`skipped: link-double`):
two links a level would make millions of ways to one film. A link to nothing is `failed: broken-link`. Hard links are
files of their own.
"""

import contextlib
import functools
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import dropwhile
from pathlib import Path

from ..disk.away import is_away
from ..errors import FileProblem, NotARadiograph, StorageError, UnreadableRadiograph, UsageError
from . import zips
from .found import MAX_NAME, Found, order_key, shown_name
from .in_order import in_order
from .named import Tree, tree_of

NAMES_A_RUN = 50_000  #: names of one folder held in memory; a larger folder is sorted on disk


def cannot_list(folder: Path, error: OSError) -> UsageError | StorageError:
    """What to tell of a folder of films that cannot be listed."""
    if is_away(error):
        return StorageError(
            f"the folder {folder} does not answer: bring its disk or share back and run the same command again"
        )
    return UsageError(f"cannot list the folder {folder}: check that it exists and may be read")


def discover(
    folder: Path,
    exclude: Collection[Path] = (),
    follow_links: bool = False,
    on_mount: Callable[[str, str], None] = lambda shown, path: None,
    only: Sequence[str] = (),
    after: str = "",
    on_link: Callable[[], None] = lambda: None,
    alive: Callable[[], None] = lambda: None,
    settled: Collection[Path] = (),
) -> Iterator[Found]:
    """Yield every file below `folder`, sorted by `order_key`, one at a time as the walk reaches it.

    follow_links: also out of `folder`.
    exclude: files (or folders) that get no row: xscan's own outputs, under whatever name the walk meets them.
    on_mount: called with the path shown and the real one of each folder below that lies on another file system than
    the folder it is in, once it is listed.
    only: what of `folder` is meant (`named.Named.only`); nothing else of it is listed. A link named so is followed.
    after: a file that an earlier walk found last: only what follows it is given, and what precedes it is not looked at.
    on_link: called where a link leads to a folder. A walk after that one knows nothing of links before.
    alive: called for each name that is listed or looked at: a large folder on a slow share takes its time.
    settled: more to exclude, which the run does not write to: looked at once, for there may be thousands of them.
    Raise UsageError or StorageError when `folder` itself cannot be listed; anything below it becomes a row instead.
    """
    if not after:
        return _walk(folder, exclude, follow_links, on_mount, only, (), on_link, alive, settled)
    behind = order_key(after)
    found = _walk(folder, exclude, follow_links, on_mount, only, behind, on_link, alive, settled)
    return dropwhile(lambda each: order_key(each.file) <= behind, found)


def _walk(
    folder: Path,
    exclude: Collection[Path],
    follow_links: bool,
    on_mount: Callable[[str, str], None],
    only: Sequence[str],
    behind: tuple[str, ...],
    on_link: Callable[[], None],
    alive: Callable[[], None],
    settled: Collection[Path],
) -> Iterator[Found]:
    """behind: what stands before this place need not be given."""
    root = os.path.abspath(folder)
    inside = os.path.join(os.path.realpath(root), "")
    linked: set[tuple[int, int]] = set()  # folders that a link has led to, and those below them
    link_level = 0  # of the walk: that of the outermost link it is in, or 0
    own = _Own(exclude, settled, alive)
    meant = tree_of(only)
    try:
        entries = _sorted_names(root, alive) if meant is None else _named(meant)
        identity = _identity(os.stat(root))
        own.enter(root)
    except OSError as error:
        raise cannot_list(folder, error) from None
    # One level of the walk: names still to visit, the real path, the path shown, who the folder is, what is meant.
    walk: list[tuple[Iterator[str], str, str, tuple[int, int], Tree | None]] = [(entries, root, "", identity, meant)]
    while walk:
        entries, real, shown, _, meant = walk[-1]
        name = next(entries, None)
        if name is None:
            walk.pop()
            own.leave()
            link_level = 0 if len(walk) < link_level else link_level
            continue
        alive()
        path = os.path.join(real, name)
        file = shown + shown_name(name)
        if own.holds_name(name):
            continue
        if behind:
            place = order_key(file)
            if place < behind[: len(place)] or place == behind:
                continue
            behind = behind if place == behind[: len(place)] else ()
        try:
            status = os.lstat(path)
            is_link = _is_link(status)
            status = os.stat(path) if is_link else status
        except OSError:
            problem = _why_no_stat(path)
            yield Found(file, path, problem=problem)
            continue
        if own.holds(status) or (is_link and own.holds_place(os.path.realpath(path))):
            continue
        below = None if meant is None else meant[name]
        is_named = meant is not None and below is None
        if (
            is_link
            and not (follow_links or is_named)
            and not os.path.join(os.path.realpath(path), "").startswith(inside)
        ):
            problem = UnreadableRadiograph("link-outside", "it leads out of the folder: --follow-links reads it")
            yield Found(file, path, problem=problem)
            continue
        if stat.S_ISDIR(status.st_mode):
            identity = _identity(status)
            if any(identity == level[3] for level in walk):
                yield Found(file, path, problem=NotARadiograph("link-loop", "a link to a folder it is in"))
                continue
            if is_link or link_level:
                if identity in linked and status.st_ino != 0:  # 0: a share that numbers no folders
                    problem = NotARadiograph("link-double", "a link to a folder that another link has led to")
                    yield Found(file, path, problem=problem)
                    continue
                linked.add(identity)
                on_link()
            if len(file) > MAX_NAME:
                problem = UnreadableRadiograph("unreadable-folder", f"its path is longer than {MAX_NAME} letters")
                yield Found(file, path, problem=problem)
                continue
            try:
                names = _sorted_names(path, alive) if below is None else _named(below)
                walk.append((names, path, file + "/", identity, below))
                link_level = link_level or (len(walk) if is_link else 0)
                own.enter(path)
                if status.st_dev != walk[-2][3][0]:
                    on_mount(file, path)
            except OSError:
                problem = UnreadableRadiograph("unreadable-folder", "the folder may not be listed")
                yield Found(file, path, problem=problem)
        elif not stat.S_ISREG(status.st_mode):
            problem = NotARadiograph("not-a-file", "a device, pipe or socket")
            yield Found(file, path, problem=problem)
        elif name.lower().endswith(zips.SUFFIXES) and zips.is_zip(path):
            yield from _members(file, path, status)
        else:
            yield Found(file, path, None, status.st_size, status.st_mtime_ns)


def _members(file: str, path: str, status: os.stat_result) -> Iterator[Found]:
    try:
        members = zips.members(path)
    except FileProblem as problem:
        yield Found(file, path, None, status.st_size, status.st_mtime_ns, problem)
        return
    for member in members:
        shown = f"{file}/{member.shown}"
        yield Found(shown, path, member.entry, member.entry.unpacked, status.st_mtime_ns, member.problem)


def _sorted_names(folder: str, alive: Callable[[], None]) -> Iterator[str]:
    """The names in one folder, sorted by how they are shown. Raise OSError if it cannot be listed."""

    def names(entries: Iterable["os.DirEntry[str]"]) -> Iterator[str]:
        for entry in entries:
            alive()
            yield entry.name

    with os.scandir(folder) as entries:
        return in_order(names(entries), _name_key, NAMES_A_RUN, str, str)


def _named(tree: Tree) -> Iterator[str]:
    return iter(sorted(tree, key=_name_key))


def _name_key(name: str) -> tuple[str, str]:
    return shown_name(name), name


def _why_no_stat(path: str) -> FileProblem:
    try:
        if _is_link(os.lstat(path)):
            return UnreadableRadiograph("broken-link", "a link to a file that is not there")
    except FileNotFoundError:
        return UnreadableRadiograph("vanished", "gone between listing and reading")
    except OSError:
        pass
    return UnreadableRadiograph("unreadable", "the file may not be read")


#: Windows: IO_REPARSE_TAG_SYMLINK and IO_REPARSE_TAG_MOUNT_POINT, which is a junction.
_LINKS = (0xA000000C, 0xA0000003)


def _is_link(status: os.stat_result) -> bool:
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) in _LINKS


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


class _Own:
    """Files that are xscan's own: by their place, however the way to it is spelled, and by who they are, where a
    link or a second name leads to one. Some come to be, or are replaced, while the walk goes on; the settled do not."""

    def __init__(self, paths: Collection[Path], settled: Collection[Path], alive: Callable[[], None]) -> None:
        self._paths = paths
        self._places: set[str] = set()
        self._settled: set[tuple[int, int]] = set()
        self._identities: set[tuple[int, int]] = set()
        self._folders: list[str] = []  # real paths of those that the walk is in
        real = functools.cache(os.path.realpath)
        for path in (*paths, *settled):
            self._places.add(os.path.normcase(os.path.join(real(path.parent), path.name)))
        for path in settled:
            alive()
            self._settled |= _identities_of(path)

    def enter(self, folder: str) -> None:
        if self._places:
            self._folders.append(os.path.realpath(folder))
            self._identities = set().union(*map(_identities_of, self._paths))

    def leave(self) -> None:
        if self._places:
            self._folders.pop()

    def holds_name(self, name: str) -> bool:
        return bool(self._places) and self.holds_place(os.path.join(self._folders[-1], name))

    def holds_place(self, real: str) -> bool:
        return os.path.normcase(real) in self._places

    def holds(self, status: os.stat_result) -> bool:
        if status.st_ino == 0:  # a share that numbers no files
            return False
        identity = _identity(status)
        return identity in self._identities or identity in self._settled


def _identities_of(path: Path) -> set[tuple[int, int]]:
    """Of one file, or of none where nothing stands there."""
    with contextlib.suppress(OSError):
        return {_identity(os.stat(path))}
    return set()
