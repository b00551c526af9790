"""One worker process: reads films, fills a batch, runs the network, returns rows.

Its parent tells it what to do over a pipe and reads from shared memory which file it is at, so that a
decoder that crashes or hangs costs that file only.
"""

import ctypes
import hmac
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import cv2
import numpy as np

from ..errors import DeviceLost, EngineError, FileProblem, UnreadableRadiograph, UsageError
from ..find.found import Found
from ..lists.table import Note, Row
from ..machine.confine import MemoryLimit, limit_files
from ..machine.sandbox import give_up_writing
from ..network.spec import InputSpec
from ..preprocess.to_input import to_input
from ..read.decode import read_film
from ..read.film import Facts, Limits
from ..report.thumbnails import LARGE_BANDS, LARGE_SIDE, Picture, Spool, encode_map, large_copy, shrunk, small_copy
from ..runtime.open import open_runtime
from ..runtime.protocol import Runtime
from ..triage import mend as mending
from ..triage.bands import Band, judge
from ..triage.gate import doubt
from ..triage.look import Look, look_at
from ..triage.odds import probabilities
from ..triage.points import with_points
from .answers import tell
from .messages import IDLE, SCORING, Done, Job, Ready, WorkerSettings, blank_row
from .row import fill
from .scoring_thread import RemoteRuntime
from .signals import leave_ending_to_parent

#: mallopt(3): M_MMAP_THRESHOLD, at its highest, and M_TRIM_THRESHOLD, in bytes.
_MALLOC = {-3: 32 << 20, -1: 64 << 20}


def work(connection: Connection, progress: Any, settings: WorkerSettings) -> None:
    """Main function of the process. Ends when the parent closes the pipe, or is gone.

    progress: shared int64 [2]: job number, position in the job (or IDLE, SCORING).
    """
    leave_ending_to_parent()
    _silence_decoders()
    keep_memory()
    cv2.setNumThreads(1)  # there is a worker a core: OpenCV's own threads would only wait for each other
    try:
        runtime = open_runtime(settings.engine) if settings.door is None else settings.door.open()
    except (EngineError, UsageError) as error:
        tell(connection, error)
        return
    with runtime:
        _work(connection, progress, settings, runtime)


def _work(connection: Connection, progress: Any, settings: WorkerSettings, runtime: Runtime) -> None:
    try:
        runtime.manifest = with_points(runtime.manifest, *settings.points)
    except UsageError as error:
        tell(connection, error)
        return
    spool = Spool(settings.pictures) if settings.pictures else None
    limit_files(writes=spool is not None)
    give_up_writing()  # the pictures' file is open already
    memory = MemoryLimit(settings.limits.max_pixels, settings.limits.max_bytes)
    tell(connection, Ready(runtime.description, runtime.manifest.to_json(), runtime.sha256))
    try:
        while True:
            job: Job = connection.recv()
            tell(connection, _do(job, runtime, settings, progress, spool, memory))
            progress[1] = IDLE
    except DeviceLost as error:
        tell(connection, error)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _silence_decoders() -> None:
    """libpng and libjpeg print on stderr about damaged files; the row says it better."""
    if not os.environ.get("XSCAN_TRACEBACK"):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def keep_memory() -> None:
    """Keep the memory of one film's buffers for the next film's.

    glibc gives blocks of that size back at once, and getting them again, page by page, took a twentieth of the time
    of a DICOM film. Does nothing where the C library has no such choice (Windows, macOS, musl).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):
        return
    for parameter, size in _MALLOC.items():
        mallopt(parameter, size)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a film that was read, besides its network input."""

    position: int  #: of its row in the job
    facts: Facts
    look: Look
    shown: np.ndarray | None  #: uint8, the film as large as the page can show it; None where the run makes no page


def _do(
    job: Job, runtime: Runtime, settings: WorkerSettings, progress: Any, spool: Spool | None, memory: MemoryLimit
) -> Done:
    spec = runtime.manifest.input
    limits = replace(settings.limits, min_side=runtime.manifest.smallest_side)
    pictures = _room(runtime, len(job.files))
    rows: list[Row] = []
    scored: list[_Seen] = []
    started = time.perf_counter()
    for position, found in enumerate(job.files):
        progress[1] = IDLE  # no file is blamed while the two numbers disagree
        progress[0] = job.number
        progress[1] = position
        row = blank_row(found, status="ok")
        try:
            with memory.reading():
                seen = _read(found, position, limits, spec, pictures[len(scored), :, :, 0], spool is not None)
            facts = seen.facts
            row.study_uid, row.series_uid, row.sop_uid = facts.study_uid, facts.series_uid, facts.sop_uid
            row.note = _note(facts, settings.patients)
            scored.append(seen)
        except FileProblem as problem:
            row.status, row.reason = problem.status, problem.reason
            row.study_uid, row.series_uid, row.sop_uid = problem.uids
        rows.append(row)
    read = time.perf_counter()
    progress[1] = SCORING
    if scored:
        _score(rows, scored, pictures[: len(scored)], runtime, spool, settings)
        memory.grown(len(scored))
    return Done(job.number, rows, {"read": read - started, "network": time.perf_counter() - read})


def _note(facts: Facts, key: bytes) -> Note | None:
    """What the history is told of a film; nothing where none is kept."""
    if not key:
        return None
    whose = (
        hmac.digest(key, facts.patient.encode("utf-8", "surrogateescape"), "sha256").hex()[:32] if facts.patient else ""
    )
    return Note(whose, facts.study_date)


def _room(runtime: Runtime, films: int) -> np.ndarray:
    """uint8 [films, height, width, 1] to read films into; shared with the main process where that runs the network."""
    if isinstance(runtime, RemoteRuntime):
        return runtime.room(films)
    spec = runtime.manifest.input
    return np.empty((films, spec.height, spec.width, 1), np.uint8)


def _read(found: Found, position: int, limits: Limits, spec: InputSpec, slot: np.ndarray, with_picture: bool) -> _Seen:
    try:
        film = read_film(found, limits)
        to_input(film.grey, spec, out=slot)
        shown = shrunk(film.grey, LARGE_SIDE) if with_picture else None
        return _Seen(position, film.facts, look_at(film.grey), shown)
    except MemoryError:
        raise UnreadableRadiograph("out-of-memory", "not enough memory for this file") from None


def _score(
    rows: list[Row],
    scored: list[_Seen],
    pictures: np.ndarray,
    runtime: Runtime,
    spool: Spool | None,
    settings: WorkerSettings,
) -> None:
    manifest = runtime.manifest
    try:
        outputs = runtime.outputs(pictures)
    except DeviceLost:
        raise  # no later film would fare better: the run ends, and is carried on another day
    except EngineError:
        outputs = {"logits": np.full((len(scored), 3), np.nan)}
    mends = _mend(scored, pictures, outputs, runtime) if settings.mend else {}
    p = probabilities(outputs["logits"], manifest.temperature)
    gate, maps = outputs.get("gate"), outputs.get("maps")
    for i, seen in enumerate(scored):
        row = rows[seen.position]
        if np.isnan(p[i]).any():
            problem = UnreadableRadiograph("scoring", "the network gave no result for this film")
            rows[seen.position] = replace(row, status=problem.status, reason=problem.reason)
        else:
            verdict = judge(p[i], manifest)
            scores = None if gate is None else gate[i].tolist()
            routine = verdict.priority is Band.ROUTINE
            found = doubt(seen.facts, seen.look, scores, manifest.gate, routine=routine)
            if i in mends:
                found = mending.reason(mends[i], seen.facts)
            fill(row, verdict, found, manifest)
            if row.note is not None and gate is not None and np.isfinite(gate[i]).all():
                row.note = row.note._replace(gate=" ".join(f"{score:.3f}" for score in gate[i]))
    if spool:
        drawn = ["" if maps is None else encode_map(m, manifest.temperature) for m in (p if maps is None else maps)]
        spool.put(_pictures(rows, scored, drawn, settings.order))


def _pictures(rows: list[Row], scored: list[_Seen], drawn: list[str], order: bool) -> Iterator[tuple[Row, Picture]]:
    for seen, places in zip(scored, drawn, strict=True):
        row = rows[seen.position]
        if seen.shown is not None and row.priority:
            large = large_copy(seen.shown) if row.priority in LARGE_BANDS else b""
            told = f"{seen.facts.study_date}|{seen.facts.accession.replace('|', ' ')}" if order else ""
            yield row, Picture(small_copy(seen.shown), places, large, told)


def _mend(
    scored: list[_Seen], pictures: np.ndarray, outputs: dict[str, np.ndarray], runtime: Runtime
) -> dict[int, str]:
    """Films that surely stand wrong: number -> fault. Their outputs become those of the film set right."""
    gate, rules = outputs.get("gate"), runtime.manifest.gate
    if gate is None:
        return {}
    before = gate.tolist()
    tries = [(i, name) for i, seen in enumerate(scored) for name in mending.faults(seen.facts, before[i], rules)]
    if not tries:
        return {}
    try:
        again = runtime.outputs(np.stack([mending.mended(pictures[i], name) for i, name in tries]))
    except DeviceLost:
        raise
    except EngineError:
        return {}
    mends = {}
    for i in {i for i, _ in tries}:
        copies = {name: n for n, (film, name) in enumerate(tries) if film == i}
        tried = {name: again["gate"][n].tolist() for name, n in copies.items()}
        if name := mending.surest(before[i], tried, rules, scored[i].facts):
            mends[i] = name
            for key, values in again.items():
                value = values[copies[name]]
                outputs[key][i] = mending.back(value, name) if key == "maps" else value
    return mends
