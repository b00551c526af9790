"""A worker's answers as plain bytes: JSON, whose shape and values the main process checks.

A worker decodes films that anyone may have made. What it says is never unpickled, for a pickle can hold a command; and
a row may name nothing but scores, codes and UIDs. Imports nothing heavy.
"""

import json
import re
import threading
from multiprocessing.connection import Connection
from typing import Any

from ..errors import DeviceLost, EngineError, UsageError, XscanError
from ..lists.table import COLUMNS, Note, Row
from ..reasons import FAILED, REVIEW, SKIPPED
from .messages import Done, Job, Ready, blank_row

MOST_BYTES = 4 << 20  #: of one answer
HEAR_S = 10.0  #: that an answer may take from its first byte to its last
_ERRORS = {kind.__name__: kind for kind in (XscanError, UsageError, EngineError, DeviceLost)}
_TOLD = [name for name in COLUMNS if name not in ("file", "bytes", "modified")]  #: of a row; the rest is known here

_PROBABILITY = re.compile(r"(?:[01]\.\d{4})?", re.ASCII)
_UID = re.compile(r"[0-9.]{0,64}", re.ASCII)
_SENTENCE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,400}")
_LABEL = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,201}")  # name@version, each of 100 letters (network/rules)
_VALUES = {
    "priority": re.compile(r"(?:urgent|review|routine)?"),
    "finding": re.compile(r"(?:normal|bacteria|virus|pneumonia)?"),
    **dict.fromkeys(("p_normal", "p_bacteria", "p_virus", "p_pneumonia"), _PROBABILITY),
    **dict.fromkeys(("study_uid", "series_uid", "sop_uid"), _UID),
    "reason": _SENTENCE,
    "model": _LABEL,
}
_NOTE = (
    re.compile(r"(?:[0-9a-f]{32})?"),
    re.compile(r"(?:[0-9]{8})?", re.ASCII),
    re.compile(r"[-0-9. ]{0,2000}", re.ASCII),
)
_CODES = {"ok": ("",), "review": REVIEW, "skipped": SKIPPED, "failed": FAILED}


class Lie(Exception):
    """A worker said what no worker of ours says."""


def tell(connection: Connection, answer: Ready | Done | XscanError) -> None:
    """In the worker: send an answer."""
    if isinstance(answer, Ready):
        said: dict[str, Any] = {"ready": [answer.runtime, answer.manifest, answer.sha256]}
    elif isinstance(answer, Done):
        rows = [[*(getattr(row, name) for name in _TOLD), list(row.note or ())] for row in answer.rows]
        said = {"done": [answer.number, rows, answer.seconds]}
    else:
        said = {"error": [type(answer).__name__, str(answer)]}
    connection.send_bytes(json.dumps(said).encode())


def hear(connection: Connection, started: bool, job: Job | None) -> Ready | Done | XscanError:
    """In the main process: an answer of a worker that has said Ready (started), and whose job in hand is `job`.

    Raises Lie for what is no answer to it, OSError or EOFError when the worker is gone.
    """
    said = recv_within(connection, MOST_BYTES)
    try:
        ((kind, values),) = json.loads(said).items()
        if kind == "done" and started and job is not None:
            return _done(job, *values)
        if kind == "ready" and not started:
            return Ready(*(_text(value) for value in values))
        if kind == "error":
            name, sentence = values
            if started and name != DeviceLost.__name__:
                raise Lie
            return _ERRORS[name](_matched(re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,4000}"), sentence))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise Lie


def recv_within(connection: Connection, most: int) -> bytes:
    """A message of at most `most` bytes that a worker has begun to send.

    Raises Lie where it is longer, or stays away for HEAR_S: whoever waits for it has other workers to look after.
    Raises OSError or EOFError when the worker is gone.
    """
    heard: list[bytes | Exception] = []

    def listen() -> None:
        try:
            heard.append(connection.recv_bytes(most))
        except (OSError, EOFError) as error:
            heard.append(error)

    listener = threading.Thread(target=listen, daemon=True)  # who stalls is ended, and with it this thread
    listener.start()
    listener.join(HEAR_S)
    if not heard:
        raise Lie
    if isinstance(heard[0], Exception):
        if isinstance(heard[0], OSError) and not connection.readable:
            raise Lie  # too long
        raise heard[0]
    return heard[0]


def _done(job: Job, number: Any, rows: Any, seconds: Any) -> Done:
    if number != job.number or len(rows) != len(job.files):
        raise ValueError
    made: list[Row] = []
    for found, cells in zip(job.files, rows, strict=True):
        row = blank_row(found, "")
        *values, note = cells
        for name, value in zip(_TOLD, values, strict=True):
            setattr(row, name, _text(value) if name == "status" else _matched(_VALUES[name], value))
        if row.code not in _CODES[row.status]:
            raise ValueError
        row.note = Note(*(_matched(p, value) for p, value in zip(_NOTE, note, strict=True))) if note else None
        made.append(row)
    spent = {_text(stage): float(s) for stage, s in seconds.items() if stage in ("read", "network")}
    if any(not 0 <= s < 1e6 for s in spent.values()):
        raise ValueError
    return Done(number, made, spent)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _matched(pattern: re.Pattern[str], value: Any) -> str:
    if pattern.fullmatch(_text(value)) is None:
        raise ValueError
    return value
