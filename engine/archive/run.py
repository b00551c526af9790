"""An archive's run: inventory -> scan -> finish. Each step carries on where an earlier run was killed.

The list is the one that `xscan batch` makes of the same folder with the same engine, byte for byte: the walk, the
workers, the rules that cross files and what writes the list are the batch's own. The run report says the same settings,
so that a batch to the same list carries on with it.
"""

import contextlib
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..batch.in_history import about, record
from ..batch.lost_input import LostInput
from ..batch.run import facts, require_folder, resolving, row_settings
from ..batch.settings import Summary
from ..disk.overwrite import in_own_folder
from ..disk.replace import replacing
from ..errors import ClusterGone, OutputError, UsageError
from ..find.discover import discover
from ..find.found import Found
from ..find.mounts import Place
from ..lists.doubles import Doubles
from ..lists.earlier import is_proven
from ..lists.formats import OURS, convert
from ..lists.output import Output
from ..lists.run_report import RunReport, State, digest_of
from ..lists.studies import require_studies, studies_path, write_studies
from ..lists.table import beside
from ..network.sidecar import read_whole, sha256
from ..nights.history import Recorder, recording
from ..runtime.choose import Choice
from ..runtime.open import manifest_of_engine
from ..triage.points import with_points
from .bucket import SCHEME, Bucket
from .bucket_listing import walk
from .cluster import cluster, environment_of_actors
from .inventory import Clock, Head, Inventory, Stopped, as_found
from .listing import Listing
from .place import ArchiveFolder
from .plan import Plan, measured
from .scan import Scan, Scanned
from .settings import LOCAL, ActorSettings, ArchiveSettings, Progress, block_of

log = logging.getLogger("xscan")

BATCH_IS_QUICKER = 100_000  #: files, on one machine

Watch = Callable[[Progress], None]


def run_archive(
    settings: ArchiveSettings,
    stop: threading.Event,
    watch: Watch = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Scan an archive into PLACE/triage.csv and .parquet, or carry on with an interrupted run.

    stop: set it to end the run; blocks in hand are scanned again. watch: is told how far each step has come. tell: a
    line about what a person should know.
    Raises UsageError, OutputError, EngineError and StorageError; what was written stays and is carried on.
    """
    run = _Run(settings, stop, watch, tell)
    batch = run.settings.batch
    with run.output, recording(batch.state, about(batch, run.manifest, run.engine), tell) as recorder:
        if run.list_inventory() and run.scan() and run.write_list():
            run.finish(recorder)
        run.summary.seconds = time.monotonic() - run.started
        run.summary.interrupted = not run.whole
        if run.summary.interrupted:
            record(recorder, batch, run.summary)
            run.report(State.INTERRUPTED)
    return run.summary


def plan_archive(
    settings: ArchiveSettings,
    stop: threading.Event,
    watch: Watch = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Plan | None:
    """List the source, which a run carries on from, and say what a scan would cost. None where it was stopped.

    Raises as `run_archive`.
    """
    run = _Run(settings, stop, watch, tell)
    with run.output:
        plan = run.plan() if run.list_inventory() else None
        run.report(State.INTERRUPTED)
    return plan


class _Run:
    def __init__(
        self, settings: ArchiveSettings, stop: threading.Event, watch: Watch, tell: Callable[[str], None]
    ) -> None:
        self.started = time.monotonic()
        self.whole = False  #: the list is finished
        self._stop, self._watch, self._tell = stop, watch, tell
        self.settings, given = _given(settings)
        self._given_inventory = given
        settings = self.settings
        batch = settings.batch
        self._bucket = Bucket(settings.bucket) if settings.bucket else None
        if given is None:
            require_folder(batch.folder) if self._bucket is None else self._bucket.require()
        self.engine = sha256(read_whole(batch.engine))
        self.manifest = with_points(manifest_of_engine(batch.engine), *batch.points)
        self._shaping = row_settings(batch, self.engine, settings.root)
        if settings.build is not None:  # another list than the network's own
            self._shaping["engine"] += " built on each node"
        self._place = ArchiveFolder(settings.place)
        self._place.require_own()
        self.summary = Summary(model=self.manifest.label)
        self.summary.engine = Choice(batch.engine, batch.chosen_by).as_dict() | {"sha256": self.engine}
        self._require_same_archive()
        others = {beside(batch.out, ".parquet"): OURS["parquet"], studies_path(batch.out): require_studies}
        _make_place(settings.place)
        self.output = Output(batch.out, self._shaping, restart=batch.restart, others=others)
        self._inventory: Inventory | None = None

    # Settings ---------------------------------------------------------------------------------------------------

    def _require_same_archive(self) -> None:
        """Raise OutputError where the folder's archive was begun with other settings, or a batch went on with it."""
        known = self._place.recall()
        if not known or self.settings.batch.restart:
            return
        before, now = known.get("settings", {}), self._shaping | {"follow_links": self.settings.batch.follow_links}
        if changed := sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key)):
            raise OutputError(
                f"{self.settings.place} was made with another {', '.join(changed)}: choose another --out, or add "
                "--restart"
            )
        out = self.settings.batch.out
        made = known.get("finished")
        if made and out.exists() and is_proven(out, RunReport.read(out)) and digest_of(out) != made:
            raise OutputError(
                f"{out} was carried on by a batch since: go on with xscan batch, choose another --out, or add --restart"
            )

    def _remember(self, **more: Any) -> None:
        kept = self._shaping | {"follow_links": self.settings.batch.follow_links}
        self._place.remember({"settings": kept} | more)

    # Inventory --------------------------------------------------------------------------------------------------

    def list_inventory(self) -> bool:
        """Make the inventory, or take the one that is there. False where it was stopped."""
        place, batch = self._place, self.settings.batch
        place.make()
        if batch.restart:
            place.drop()
        if not place.recall():
            place.drop()  # parts of an archive that nothing is known of
            self._remember(block=self.settings.block)
        place.prepare_parts()
        if not place.inventory.exists():
            if self._given_inventory is not None:
                _copy_inventory(self._given_inventory, place.inventory)
            elif not self._list():
                return False
        self._inventory = Inventory(place.inventory)
        self.head = self._inventory.head
        if self.head.source != self.settings.root:
            raise UsageError(f"the inventory of {self.settings.place} is of another source: add --restart")
        self.block = self._place.recall().get("block") or block_of(self.head.files)
        log.info("inventory of %d files, %d bytes", self.head.files, self.head.bytes)
        return not self._stop.is_set()

    def _list(self) -> bool:
        """Make the inventory, or go on with making it. False where it was stopped."""
        root, follow_links = self.settings.root, self.settings.batch.follow_links
        listing = Listing(self._place.listing, root, follow_links)
        whole = listing.add(self._walk(listing))
        if whole:
            listing.join(
                self._place.inventory, lambda n, size: Head(root, follow_links, n, size, mounts=listing.mounts)
            )
        return whole

    def _walk(self, listing: Listing) -> Iterator[Found]:
        """What a batch of the source would find, behind what is listed."""
        batch, clock, began, known = self.settings.batch, Clock(), time.monotonic(), listing.files

        def tell(new: int) -> None:
            if clock.due():
                self._watch(Progress("inventory", known + new, None, new, time.monotonic() - began))
                if self._stop.is_set():
                    raise Stopped

        if self._bucket is not None:
            files = walk(self._bucket, tell, listing.last)
        else:
            own = (*self.output.own_files, self._place.folder)
            files = discover(batch.folder, own, batch.follow_links, listing.mounted, (), listing.last, listing.linked)
        for number, found in enumerate(files):
            tell(number)
            yield found

    def plan(self) -> Plan:
        assert self._inventory is not None
        done = self._place.done(self.head, self.block)
        left = self.head.files - self._films(done)
        room = 0
        if self.settings.address != LOCAL:
            with cluster(self.settings) as there:
                room = there.room
        return measured(self.settings, self._inventory, left, self.block, room)

    def _films(self, blocks: set[int]) -> int:
        return sum(min(self.block, self.head.files - number * self.block) for number in blocks)

    # Scan -------------------------------------------------------------------------------------------------------

    def scan(self) -> bool:
        """Scan the blocks that have no part yet. False where it was stopped.

        A cluster of this machine alone that ends is started again, as long as blocks get done in between.
        """
        head, place = self.head, self._place
        done = place.done(head, self.block)
        blocks = -(-head.files // self.block)
        kept = self._films(done)
        self.summary.kept = kept
        state = Progress("scan", kept, head.files)
        if len(done) == blocks:
            return True
        if self.settings.address == LOCAL and head.files < BATCH_IS_QUICKER:
            self._tell(f"{head.files} files on one machine: xscan batch makes the same list sooner")
        began = time.monotonic()

        def missing() -> Iterator[int]:
            return (number for number in range(blocks) if number not in done)

        while True:
            before = state.new
            try:
                with contextlib.closing(self._scanned(missing(), state, began)) as blocks_done:
                    for scanned in blocks_done:
                        place.write_part(head, scanned.number, self.block, scanned.rows)
                        done.add(scanned.number)
                        _count(state, scanned)
                        log.info("block %d: %d films", scanned.number, len(scanned.rows))
                break
            except ClusterGone:
                if self.settings.address != LOCAL or state.new == before:
                    raise
                log.warning("Ray's own processes on this machine ended: they are started again")
        return not self._stop.is_set() or state.done == head.files

    def _scanned(self, missing: Iterator[int], state: Progress, began: float) -> Generator[Scanned]:
        """Rows of blocks, from a cluster that is there as long as they come. Raises ClusterGone."""
        assert self._inventory is not None
        inventory, head, given, summary = self._inventory, self.head, self.settings, self.summary
        actor = replace(given.batch, workers=max(1, int(given.actor_cpus)))
        environment = environment_of_actors(given)
        arguments = (ActorSettings(actor, head.mounts, given.bucket, environment, given.build),)

        def files(number: int) -> list[Found]:
            start = number * self.block
            return list(as_found(inventory.rows(start, min(start + self.block, head.files)), head.source))

        most = given.batch.workers if given.address == LOCAL else 0
        with cluster(given) as there:
            scan = Scan(there, arguments, missing, files, self.engine, most)
            lost = state.lost

            def tell_progress() -> None:
                state.seconds, state.actors, state.lost = time.monotonic() - began, scan.actors, lost + scan.lost
                self._watch(state)

            try:
                yield from scan.run(self._stop.is_set, tell_progress)
            finally:
                summary.runtime = scan.runtime or summary.runtime
                for stage, seconds in scan.seconds.items():
                    summary.stage_seconds[stage] = round(summary.stage_seconds.get(stage, 0.0) + seconds, 3)

    # Finish -----------------------------------------------------------------------------------------------------

    def write_list(self) -> bool:
        """Rows of all parts through the rules that cross files, into the list. False where it was stopped."""
        summary = self.summary
        state = Progress("finish", 0, self.head.files)
        began, clock = time.monotonic(), Clock()
        with Doubles() as doubles:
            for rows in self._place.rows(self.head, self.block):
                seen = [doubles.see(row) for row in rows]
                self.output.write(seen)
                for row in seen:
                    summary.count(row)
                state.done += len(seen)
                state.seconds = time.monotonic() - began
                if clock.due():
                    self._watch(state)
                    if self._stop.is_set():
                        return False
            self.output.mounts = {} if self._bucket else _mounts(self.settings.batch.folder, self.head)
            summary.unchanged = self.output.finish(resolving(doubles, summary))
        return True

    def finish(self, recorder: Recorder) -> None:
        """What stands beside the list, and the run's end."""
        summary, out = self.summary, self.settings.batch.out
        convert(out, ("parquet",))
        summary.seconds = time.monotonic() - self.started
        record(recorder, self.settings.batch, summary)
        write_studies(out, recorder.earlier_study)
        self.whole = True
        self.report(State.FINISHED)
        self._remember(block=self.block, finished=digest_of(out))

    def report(self, state: State) -> None:
        self.output.write_report(state, facts(self.settings.batch, self.summary), json.loads(self.manifest.to_json()))


def _mounts(folder: Path, head: Head) -> dict[str, Place]:
    """Where the source lies, as a batch's run report has it: a later batch knows by it a disk that is lost."""
    there = LostInput(folder, {})
    for shown, path in head.mounts.items():
        there.mounted(shown, path)
    return there.mounts


def _count(state: Progress, scanned: Scanned) -> None:
    state.done += len(scanned.rows)
    state.new += len(scanned.rows)
    state.failures.update(row.code for row in scanned.rows if row.status == "failed")


def _given(settings: ArchiveSettings) -> tuple[ArchiveSettings, Path | None]:
    """The settings with the folder that is meant, and the inventory that stands for it. Raises UsageError."""
    source = settings.batch.folder
    if settings.bucket or not source.is_file():
        return settings, None
    given = Inventory(source)  # says what is wrong with any other file
    given.check_order()
    root = given.head.source
    if root.startswith(SCHEME):
        return replace(settings, bucket=root), source
    batch = replace(settings.batch, folder=Path(root), follow_links=given.head.follow_links)
    return replace(settings, batch=batch), source


def _copy_inventory(source: Path, target: Path) -> None:
    with source.open("rb") as old, replacing(target, in_own_folder, private=True) as new:
        shutil.copyfileobj(old, new, 1 << 20)


def _make_place(place: Path) -> None:
    """Make the folder for the list, if only it is missing. Raises OutputError."""
    if place.is_file():
        raise OutputError(f"{place} is a file: give --out a folder")
    try:
        place.mkdir(exist_ok=True)
    except OSError:
        raise OutputError(f"cannot make the folder {place}: make it, or give another --out") from None
