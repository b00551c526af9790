"""Objects of a bucket as files of this node, some ahead of the workers that read them.

The workers' code is a batch's: it opens files. What ails the storage ends the run, so that no film is called unreadable
for it. An object is fetched whole, by one request. Of a large one the beginning comes first, in a file without content
behind it that is longer than any that is read: where its header does not decide, its row says `too-large`, and the rest
is fetched after all.
"""

import struct
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..batch.messages import Job
from ..errors import UsageError
from ..find.found import Found
from ..find.spill import spilling
from ..lists.table import Row
from ..read.content import LARGE
from ..read.film import Limits
from ..read.sniff import HEAD
from .bucket import Bucket, Content, Denied, Gone, OutOfRange
from .bucket_listing import DENIED, GONE

READERS = 16  #: requests of one actor at once
AHEAD = 128 * 2**20  #: bytes fetched, or on their way, that no worker has yet; at least a batch
_LOCAL, _EXTRA = 30, 256  #: bytes of a zip member's local header, and of the extra field that most have at most
_SECOND = 10**9
CHANGED = "the inventory no longer fits: files have changed since it was made; add --restart to make it anew"


class Fetcher:
    """Fetches into `folder`, which is empty and goes with the process."""

    def __init__(self, bucket: Bucket, folder: Path, limits: Limits) -> None:
        self._bucket = bucket
        self._folder = folder
        self._limits = limits
        self._number = 0
        self.threads = ThreadPoolExecutor(READERS, "fetching")

    def begin(self, found: Found, whole: bool) -> "Future[_Fetched]":
        self._number += 1
        return self.threads.submit(self._fetch, found, self._folder / str(self._number), whole)

    def is_undecided(self, found: Found, row: Row) -> bool:
        """Whether the row is of a beginning alone, and does not come from it."""
        most = self._limits.max_bytes
        small = max(found.bytes, found.member.packed if found.member else 0) <= most
        return row.code == "too-large" and self._is_large(found) and small

    def _is_large(self, found: Found) -> bool:
        return max(found.bytes, found.member.packed if found.member else 0) > min(LARGE, self._limits.max_bytes)

    def _fetch(self, found: Found, target: Path, whole: bool) -> "_Fetched":
        if found.problem is not None:
            return _Fetched(found)
        beginning = self._is_large(found) and not whole
        try:
            if found.member is not None:
                return self._member(found, target, beginning)
            content = self._bucket.get(found.path, 0, HEAD if beginning else -1)
        except Gone:
            return _Fetched(replace(found, problem=GONE))
        except Denied:
            return _Fetched(replace(found, problem=DENIED), denied=True)
        self._write(target, content.data, max(self._limits.max_bytes, HEAD) + 1 if beginning else 0)
        changed = content.size != found.bytes or _differs(content, found)
        return _Fetched(replace(found, path=str(target)), target, changed)

    def _member(self, found: Found, target: Path, beginning: bool) -> "_Fetched":
        """A member's part of its zip, with its local header."""
        entry = found.member
        assert entry is not None
        wanted = min(entry.packed, HEAD) if beginning else entry.packed
        fixed = _LOCAL + len(entry.raw)
        try:
            content = self._bucket.get(found.path, entry.offset, fixed + _EXTRA + wanted)
        except OutOfRange:
            content = replace(self._bucket.get(found.path, 0, 1), data=b"")
        data = content.data
        if len(data) >= _LOCAL and (lacks := fixed + struct.unpack_from("<H", data, 28)[0] + wanted - len(data)) > 0:
            try:
                data += self._bucket.get(found.path, entry.offset + len(data), lacks).data
            except OutOfRange:
                pass
        self._write(target, data)
        entry = replace(entry, offset=0)
        if beginning:
            entry = replace(entry, unpacked=self._limits.max_bytes + 1)
        return _Fetched(replace(found, path=str(target), member=entry), target, _differs(content, found))

    def _write(self, target: Path, data: bytes, length: int = 0) -> None:
        with spilling(), target.open("xb") as stream:
            stream.write(data)
            if length:
                stream.truncate(length)


def _differs(content: Content, found: Found) -> bool:
    """Whether it was written anew: an answer tells whole seconds, a listing perhaps parts of them."""
    return content.modified_ns // _SECOND != found.modified_ns // _SECOND


@dataclass(frozen=True)
class _Fetched:
    found: Found  #: as a worker is to read it
    file: Path | None = None
    changed: bool = False  #: since it was listed
    denied: bool = False


@dataclass
class Ahead:
    """A block's films as jobs for a pool, fetched before it asks for them. whole: also what is large."""

    fetcher: Fetcher
    files: list[Found]
    batch_size: int
    whole: bool = False
    denied: int = 0  #: files that may not be read
    _next: int = 0
    _given: int = 0
    _bytes: int = 0
    _coming: "deque[list[Future[_Fetched]]]" = field(default_factory=deque)
    _sizes: deque[int] = field(default_factory=deque)
    _held: dict[int, list[_Fetched]] = field(default_factory=dict)

    def next_job(self) -> Job | None:
        """Raises StorageError, UsageError."""
        self._ask()
        if not self._coming or not all(future.done() for future in self._coming[0]):
            return None
        fetched = [future.result() for future in self._coming.popleft()]
        self._bytes -= self._sizes.popleft()
        self.denied += sum(each.denied for each in fetched)
        if any(each.changed for each in fetched):
            raise UsageError(CHANGED)
        job = Job(self._given, [each.found for each in fetched])
        self._held[job.number] = fetched
        self._given += 1
        return job

    def at_end(self) -> bool:
        return self._next >= len(self.files) and not self._coming

    def done(self, number: int) -> None:
        """A job's rows are there."""
        for each in self._held.pop(number):
            if each.file is not None:
                each.file.unlink(missing_ok=True)

    def _ask(self) -> None:
        while self._next < len(self.files) and (not self._coming or self._bytes < AHEAD):
            batch = self.files[self._next : self._next + self.batch_size]
            self._next += len(batch)
            self._coming.append([self.fetcher.begin(found, self.whole) for found in batch])
            self._sizes.append(sum(each.bytes for each in batch))
            self._bytes += self._sizes[-1]
