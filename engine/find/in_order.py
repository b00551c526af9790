"""Sort more than memory should hold: in runs, in nameless temporary files, that are merged as they are read."""

import heapq
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import IO, Any, TypeVar

from .spill import spilling

T = TypeVar("T")


def in_order(
    items: Iterable[T], key: Callable[[T], Any], most: int, dump: Callable[[T], Any], load: Callable[[Any], T]
) -> Iterator[T]:
    """The items, sorted by `key`; all are taken before this returns, and no more than `most` are held in memory.

    dump, load: an item as what JSON can hold (text with bytes that are none, too), and back. Raises StorageError.
    """
    runs: list[IO[str]] = []
    stream = iter(items)
    try:
        held = sorted(islice(stream, most), key=key)
        while len(held) == most:
            runs.append(_spilled(map(dump, held)))
            held = sorted(islice(stream, most), key=key)
    except BaseException:
        for run in runs:
            run.close()
        raise
    return heapq.merge(*(map(load, _read_back(run)) for run in runs), held, key=key) if runs else iter(held)


def _spilled(values: Iterable[Any]) -> IO[str]:
    with spilling():
        run = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 (closed by who reads it)
        for value in values:
            run.write(json.dumps(value) + "\n")
        run.seek(0)
    return run


def _read_back(run: IO[str]) -> Iterator[Any]:
    with run:
        for line in run:
            yield json.loads(line)
