"""The nightly run: a folder in, a triage list out.

discovery (a thread) -> jobs -> worker processes -> rows in discovery's order -> NAME.csv.part -> NAME.csv

Memory does not depend on the size of the folder: discovery is at most a few thousand files ahead, jobs in
flight are bounded by the pool, rows leave as soon as their turn comes.
"""

import json
import logging
import os
import platform
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..disk.overwrite import require_page
from ..disk.replace import Ours
from ..errors import StorageError, UsageError
from ..find.discover import cannot_list
from ..lists.doubles import Doubles
from ..lists.earlier import EarlierRow
from ..lists.formats import OURS, convert, target_of
from ..lists.output import Output
from ..lists.own_files import pictures_folder
from ..lists.run_report import State, digest_of
from ..lists.studies import require_studies, studies_path, write_studies
from ..lists.table import Row
from ..network.manifest import Manifest
from ..nights import dated
from ..nights.heard import News
from ..nights.history import key_of_patients, recording
from ..runtime.choose import Choice
from .doors import doors
from .feed import Feed
from .in_history import about, record, versions
from .messages import WorkerSettings
from .pictures import Stopped, draw, films_again, scored_rows
from .pool import Pool
from .settings import BatchSettings, Summary

log = logging.getLogger("xscan")  # rows by number: a path can hold a patient's name

#: Codes that also mean, perhaps, that a whole disk or share is gone.
LOST = ("vanished", "unreadable", "unreadable-folder", "broken-link")


def run_batch(
    settings: BatchSettings,
    stop: threading.Event,
    progress: Callable[[Summary], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Scan a folder into a triage list, or carry on with an interrupted one.

    stop: set it to end the run after the jobs in hand. progress: called after each write.
    tell: is given a line where something of an earlier run could not be relied on.
    Raises UsageError, OutputError, EngineError and StorageError; what was written stays and is resumed.
    """
    started = time.monotonic()
    require_folder(settings.folder)
    pictures = pictures_folder(settings.out).path if settings.page and settings.thumbnails else None
    patients = key_of_patients(settings.state)
    workers = WorkerSettings(
        settings.engine, settings.limits, pictures, settings.points, settings.mend, patients, settings.order
    )
    with (
        dated.folder_made(settings.nightly, settings.out),  # workers open their pictures' files in it as they start
        doors(settings.engine, settings.workers, settings.batch_size, settings.one_owner) as door,
        Pool(workers, settings.workers, settings.file_seconds, door=door) as pool,
    ):
        ready = pool.wait_ready()  # an unusable engine ends the run before it touches the output
        engine = ready.sha256
        shaping = row_settings(settings, engine)
        may_change = ("engine",) if settings.engine_may_change else ()
        with (
            Output(
                settings.out,
                shaping,
                restart=settings.restart,
                may_change=may_change,
                others=_others(settings),
                last=settings.last,
            ) as output,
            Doubles() as doubles,
            recording(settings.state, about(settings, Manifest.from_json(ready.manifest), engine), tell) as recorder,
        ):
            for path in output.set_aside:
                tell(f"what an earlier run left was damaged or changed: it is kept as {path.name}, and scanned again")
            log.info("scanning with engine %s on %s, %d workers", engine[:12], ready.runtime, settings.workers)
            changed = output.outdated or "engine" in output.last_differs
            if changed:
                log.info("the list was made with another engine: its films are scored again")
            summary = Summary(runtime=ready.runtime, model=Manifest.from_json(ready.manifest).label)
            summary.engine = Choice(settings.engine, settings.chosen_by).as_dict() | {"sha256": engine}
            summary.engine_changed = changed
            feed = Feed(settings, output, stop)
            for done in pool.run(feed.next_job, feed.at_end):
                scored = iter(done.rows)
                entries = feed.entries.pop(done.number)
                rows = [doubles.see(e.row if isinstance(e, EarlierRow) else feed.told(next(scored))) for e in entries]
                if any(row.code in LOST and feed.is_away(entry) for row, entry in zip(rows, entries, strict=True)):
                    raise StorageError(
                        "the scanned folder is gone, or a disk in it: bring it back and run the same command again"
                    )
                output.write(rows)
                recorder.see([row for row, e in zip(rows, entries, strict=True) if not isinstance(e, EarlierRow)])
                for row in rows:
                    summary.count(row)
                    if row.status != "ok":
                        log.info("row %d: %s: %s", summary.files, row.status, row.code)
                summary.kept, summary.dropped = feed.kept, feed.dropped
                summary.seconds = time.monotonic() - started
                progress(summary)
            summary.seconds = time.monotonic() - started
            summary.stage_seconds = {stage: round(s, 3) for stage, s in pool.seconds.items()}
            summary.interrupted = stop.is_set() and not feed.finished
            output.mounts = output.mounts | feed.input.mounts if summary.interrupted else feed.input.mounts
            if not summary.interrupted:
                summary.unchanged = output.finish(resolving(doubles, summary))
                convert(settings.out, settings.formats)
            summary.new = record(recorder, settings, summary)
            if not summary.interrupted:
                if settings.kind != "shadow":
                    write_studies(settings.out, recorder.earlier_study)
                if settings.page:
                    made = _make_page(settings, settings.page, output, pool, ready.manifest, stop, recorder.news)
                    summary.interrupted = not made
                else:  # of an interrupted run that was to make a page
                    output.pictures.remove()
            # Last: until it says so, nothing has finished.
            state = State.INTERRUPTED if summary.interrupted else State.FINISHED
            output.write_report(state, facts(settings, summary), json.loads(ready.manifest))
            log.info("%s after %d rows", "interrupted" if summary.interrupted else "finished", summary.files)
    return summary


def _make_page(
    settings: BatchSettings,
    page: Path,
    output: Output,
    pool: Pool,
    manifest: str,
    stop: threading.Event,
    news: News | None,
) -> bool:
    """Write the morning page, with the pictures that the workers left; of kept rows, those of the page before, and what
    neither has is read by the workers again. Returns False when the run was told to end meanwhile."""
    from ..report.earlier_page import pictures_of
    from ..report.page import PageOptions, write_page
    from ..report.thumbnails import EARLIER, Spool, Spooled

    options = PageOptions(
        settings.page_lang,
        Manifest.from_json(manifest),
        settings.viewer,
        settings.order,
        news,
        settings.large_bytes,
    )
    if not settings.thumbnails:
        write_page(settings.out, page, options, None)
        output.page = ""
        return True
    left = output.pictures.path
    before = page if page.exists() or settings.last_page is None else settings.last_page
    if output.page and before.is_file() and digest_of(before) == output.page:  # nobody has written to it since
        Spool(left, EARLIER).put(pictures_of(before))
    with Spooled(left) as spooled:
        lacks = spooled.lacks_order if settings.order else spooled.lacks
        wanted = filter(lacks, scored_rows(settings.out))
        films = partial(films_again, settings.folder, wanted, settings.follow_links, settings.only)
        try:
            draw(pool, films, settings.batch_size, settings.file_seconds, stop)
        except Stopped:
            return False
    with Spooled(left) as spooled:
        write_page(settings.out, page, options, spooled.get)
    output.page = digest_of(page)
    output.pictures.remove()
    return True


def resolving(doubles: Doubles, summary: Summary) -> Callable[[Row], Row] | None:
    if not doubles.has_doubles:
        return None

    def resolve(row: Row) -> Row:
        resolved = doubles.resolve(row)
        if resolved is not row:
            summary.count(row, by=-1)
            summary.count(resolved)
        return resolved

    return resolve


def require_folder(folder: Path) -> None:
    """Raises UsageError where the folder cannot be listed, StorageError where its disk or share does not say."""
    try:
        with os.scandir(folder):
            return
    except NotADirectoryError:
        raise UsageError(f"{folder} is a file: give the folder that it is in") from None
    except OSError as error:
        raise cannot_list(folder, error) from None


def row_settings(settings: BatchSettings, engine: str, source: str = "") -> dict[str, Any]:
    """All that shapes a row; rows made with other values are never mixed into one list. source: if not the folder."""
    optional = {
        "mend": settings.mend,
        "only": settings.only and sha256("\0".join(settings.only).encode("utf-8", "surrogateescape")).hexdigest()[:16],
    }
    return {
        "format": 1,
        "folder": sha256((source or os.path.abspath(settings.folder)).encode("utf-8", "surrogateescape")).hexdigest()[
            :16
        ],
        "engine": engine,
        "shard": str(settings.shard),
        "points": [str(wish or "") for wish in settings.points],
        "max_pixels": settings.limits.max_pixels,
        "max_bytes": settings.limits.max_bytes,
    } | {name: value for name, value in optional.items() if value}  # lists of before there was a choice stay good


def _others(settings: BatchSettings) -> dict[Path, Ours]:
    """What the run writes beside its list, and how its own is known again."""
    others = {target_of(settings.out, name): OURS[name] for name in settings.formats if name in OURS}
    others[studies_path(settings.out)] = require_studies
    return others | ({settings.page: require_page} if settings.page else {})


def facts(settings: BatchSettings, summary: Summary) -> dict[str, Any]:
    """Of a run, for its run report."""
    return {
        "ended": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "engine": summary.engine,
        "summary": summary.as_dict(),
        "workers": settings.workers,
        "batch_size": settings.batch_size,
        "versions": versions(),
        "hardware": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
    }
