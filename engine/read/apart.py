"""Read a film in a process of its own: what anyone may have made is never decoded beside a command's other work.

`batch` has its pool; every other command reads through here. A process is started for the first film and kept for the
next ones, with a worker's limits on memory, files and time. A film that ends it, or holds it too long, is a
FileProblem like any other. What it answers is plain JSON and grey values, whose shape and kinds are checked.
"""

import atexit
import json
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import FileProblem, NotARadiograph, UnreadableRadiograph
from ..find.found import Found
from ..reasons import CODES
from .film import DEFAULT_LIMITS, Facts, Film, Limits

SECONDS = 120.0  #: that one film may take, a process's start left out
START_S = 60.0  #: that a process may take to start, on a machine that is busy or cold
_MOST_SAID = 1 << 20  #: bytes of an answer's words
_LONGEST = 2000  #: letters of one fact or sentence
_LENGTH = struct.Struct("<Q")
_PROBLEMS = {kind.status: kind for kind in (NotARadiograph, UnreadableRadiograph)}
_COMMAND = "from xscan.engine.read.apart import serve; serve()"


@dataclass(frozen=True)
class Read:
    """A film, and what its file is."""

    film: Film
    size: int  #: bytes of the file, or of a zip's member unpacked
    sha256: bytes  #: of its content
    seconds: float  #: that reading took


class _Gone(Exception):
    """The process has ended, or says what none of ours says."""


def read_film_apart(found: Found, limits: Limits = DEFAULT_LIMITS) -> Film:
    """As `decode.read_film`. Raises NotARadiograph or UnreadableRadiograph."""
    return read_apart(found, limits).film


def read_path_apart(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Film:
    """As `decode.read_path`. Raises NotARadiograph or UnreadableRadiograph."""
    return read_film_apart(Found(Path(path).name, os.fspath(path)), limits)


def read_apart(found: Found, limits: Limits = DEFAULT_LIMITS, seconds: float = SECONDS) -> Read:
    """Read one file in another process, twice where its decoder ends that process. Raises FileProblem.

    May be called by several threads at once; each call has a process to itself.
    """
    if found.problem is not None:
        raise found.problem
    found = replace(found, path=os.path.abspath(found.path))  # this process may have changed its folder since
    for _ in range(2):
        with _one() as reader:
            try:
                return reader.read(found, limits, seconds)
            except _Gone:
                if reader.late:
                    raise UnreadableRadiograph("timed-out", "took longer than the limit for one file") from None
    raise UnreadableRadiograph("decoder-crash", "its decoder ended the process, twice")


class _Reader:
    """One process. It ends with this one, for its stdin is then closed."""

    def __init__(self) -> None:
        self.late = False
        # -P: nothing that lies in the current folder is imported.
        command = [sys.executable, "-P", "-c", _COMMAND]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._from: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self._owner = os.getpid()
        try:
            with self._within(START_S):
                if bytes(_exactly(self._from, 1)) != b"r":
                    raise _Gone
        except _Gone:
            self.end()
            raise

    @property
    def usable(self) -> bool:
        return self._owner == os.getpid() and self._process.poll() is None

    def read(self, found: Found, limits: Limits, seconds: float) -> Read:
        """Raises FileProblem, or _Gone: the process is then of no more use."""
        question = pickle.dumps((found, limits))
        try:
            with self._within(seconds):
                try:
                    self._to.write(_LENGTH.pack(len(question)) + question)
                    self._to.flush()
                except OSError:
                    raise _Gone from None
                return _hear(self._from, limits)
        except _Gone:
            self.end()
            raise

    def end(self) -> None:
        """End the process, if this process started it."""
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
            self._from.close()
            try:
                self._to.close()
            except OSError:  # what it never read
                pass

    @contextmanager
    def _within(self, seconds: float) -> Generator[None]:
        timer = threading.Timer(seconds, self._kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _kill(self) -> None:
        self.late = True
        self._process.kill()


_idle: list[_Reader] = []
_lock = threading.Lock()


@contextmanager
def _one() -> Generator[_Reader]:
    """A process that nobody else uses now."""
    with _lock:
        reader = None
        while _idle and reader is None:
            reader = _idle.pop()
            if not reader.usable:  # killed from outside, or of the process that this one was forked from
                reader.end()
                reader = None
    if reader is None:
        try:
            reader = _Reader()
        except (_Gone, OSError):
            raise UnreadableRadiograph("decoder-crash", "no process to read it in could be started") from None
    try:
        yield reader
    finally:
        if reader.usable:
            with _lock:
                _idle.append(reader)


@atexit.register
def _end_all() -> None:
    while _idle:
        _idle.pop().end()


def _exactly(stream: BinaryIO, size: int) -> bytearray:
    content = bytearray(size)
    view = memoryview(content)
    at = 0
    while at < size:
        try:
            got = stream.readinto(view[at:])  # type: ignore[attr-defined]
        except (OSError, ValueError):
            raise _Gone from None
        if not got:
            raise _Gone
        at += got
    return content


def _hear(stream: BinaryIO, limits: Limits) -> Read:
    import numpy as np

    (size,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    if size > _MOST_SAID:
        raise _Gone
    try:
        said = json.loads(bytes(_exactly(stream, size)))
        if (problem := said.get("problem")) is not None:
            status, code, detail = problem
            if code not in CODES or not _is_text(detail):
                raise _Gone
            answer: FileProblem | Read = _PROBLEMS[status](code, detail)
        else:
            facts = _facts(said["facts"])
            rows, columns, length, seconds = (said[name] for name in ("rows", "columns", "bytes", "seconds"))
            if not all(type(n) is int and n > 0 for n in (rows, columns, length)) or type(seconds) is not float:
                raise _Gone
            if rows * columns > limits.max_pixels:
                raise _Gone
            grey = np.frombuffer(_exactly(stream, rows * columns), np.uint8).reshape(rows, columns)
            digest = bytes.fromhex(said["sha256"])
            if len(digest) != 32:
                raise _Gone
            answer = Read(Film(grey, facts), length, digest, seconds)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _Gone from None
    if isinstance(answer, FileProblem):
        raise answer
    return answer


def _facts(said: dict[str, Any]) -> Facts:
    """The facts, each of the kind that it is declared as. Raises _Gone."""
    blank = Facts()
    if said.keys() != {field.name for field in fields(Facts)}:
        raise _Gone
    for name, value in said.items():
        if name in ("age_years", "height_m"):
            good = value is None or type(value) is float
        elif name == "doubts":
            said[name] = [(code, sentence) for code, sentence in value]
            good = all(code in CODES and _is_text(sentence) for code, sentence in said[name])
        elif name == "notes":
            good = isinstance(value, list) and all(map(_is_text, value))
        elif isinstance(getattr(blank, name), str):
            good = _is_text(value)
        else:
            good = type(value) is type(getattr(blank, name))
        if not good:
            raise _Gone
    return Facts(**said)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def serve() -> None:
    """The process's own work: read what it is asked for, until nobody asks any more."""
    to = os.fdopen(os.dup(1), "wb")
    _leave_terminal()
    from ..machine.confine import MemoryLimit, limit_files
    from ..machine.sandbox import give_up_writing
    from .decode import read_bytes

    limit_files(writes=False)
    give_up_writing()
    memory: dict[Limits, MemoryLimit] = {}
    to.write(b"r")
    to.flush()
    while True:
        try:
            (size,) = _LENGTH.unpack(_exactly(sys.stdin.buffer, _LENGTH.size))
            # Of the process that started this one.
            found, limits = pickle.loads(bytes(_exactly(sys.stdin.buffer, size)))
        except _Gone:
            os._exit(0)
        allowance = memory.setdefault(limits, MemoryLimit(limits.max_pixels, limits.max_bytes))
        said, grey = _read(found, limits, allowance, read_bytes)
        words = json.dumps(said).encode()
        to.write(_LENGTH.pack(len(words)) + words)
        to.write(grey)
        to.flush()


def _read(found: Found, limits: Limits, memory: Any, read_bytes: Callable[..., Film]) -> tuple[dict[str, Any], bytes]:
    import hashlib
    import time

    from .content import read_content

    started = time.perf_counter()
    try:
        with memory.reading():
            content = read_content(found, limits)
            film = read_bytes(content, limits, nested=found.member is not None)
    except FileProblem as problem:
        return {"problem": [problem.status, problem.code, problem.detail]}, b""
    except MemoryError:
        return {"problem": ["failed", "out-of-memory", "not enough memory for this file"]}, b""
    rows, columns = film.grey.shape
    said = {
        "rows": rows, "columns": columns, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
        "seconds": time.perf_counter() - started, "facts": asdict(film.facts),
    }  # fmt: skip
    return said, film.grey.tobytes()


def _leave_terminal() -> None:
    """Decoders print about damaged files; and Ctrl-C is for the process that asked."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    if not os.environ.get("XSCAN_TRACEBACK"):
        os.dup2(null, 2)
