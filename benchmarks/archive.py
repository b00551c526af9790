"""What the machine that runs `xscan archive` has to do for each file, whatever the cluster: list, write parts, finish.

    python benchmarks/archive.py FILMS --files 20000 100000
    python benchmarks/archive.py FILMS --objects 20000      # the listing of a bucket that moto serves

FILMS is a folder of radiographs; it is linked until there are so many files. No film is read: the rows are made up,
as long as real ones. Prints processor seconds (user and system) for a million files, and the peak memory of a process
for each number of files: it must not grow with them.
"""

import argparse
import json
import logging
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from folders import spread

STAGES = ("inventory", "parts", "finish")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--files", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--objects", type=int, default=0)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(measure(options.stage, options.films, options.place)))
        return
    if options.objects:
        list_bucket(options.objects)
        return
    print("| files | stage | processor s a million | peak MB |\n|---|---|---|---|")
    for files in options.files:
        with tempfile.TemporaryDirectory() as place:
            folder = spread(options.films, Path(place) / "films", files)
            for stage in STAGES:
                command = [sys.executable, __file__, str(folder), "--stage", stage, "--place", place]
                said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                print(
                    f"| {files} | {stage} | {said['seconds'] / files * 1e6:.1f} | {said['peak_mb']:.0f} |", flush=True
                )


def list_bucket(objects: int) -> None:
    """Prints seconds by the clock, and of this process, which lists: moto, which serves, has one of its own."""
    from xscan.engine.archive.bucket import Bucket
    from xscan.engine.archive.bucket_listing import walk

    ready, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(objects, there), daemon=True)
    server.start()
    os.environ |= {"AWS_ENDPOINT_URL": ready.recv(), "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
    os.environ |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "nobody's")
    clock, began = time.monotonic(), os.times()
    found = sum(1 for _ in walk(Bucket("s3://films")))
    ended = os.times()
    spent = ended.user - began.user + ended.system - began.system
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{found} objects: {time.monotonic() - clock:.1f} s by the clock, {spent:.1f} s of this process, {peak:.0f} MB"
    )
    server.kill()


def serve(objects: int, ready: Any) -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from moto.s3.models import s3_backends
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket("films", "us-east-1")
    for i in range(objects):
        backend.put_object("films", f"{i // 10_000:03d}/{i // 100:05d}/{i:07d}.dcm", b"film")
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    ready.send(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


def measure(stage: str, folder: Path, root: Path) -> dict[str, float]:
    """One stage in this process: seconds of it without what importing takes, and the process's peak memory."""
    from xscan.engine.archive.inventory import Head, Inventory, as_found
    from xscan.engine.archive.listing import Listing
    from xscan.engine.archive.place import ArchiveFolder
    from xscan.engine.batch.messages import blank_row
    from xscan.engine.find.discover import discover
    from xscan.engine.lists.doubles import Doubles
    from xscan.engine.lists.formats import convert
    from xscan.engine.lists.output import Output
    from xscan.engine.lists.studies import write_studies

    place, block = ArchiveFolder(root), 256
    place.make()
    place.prepare_parts()
    began = os.times()
    if stage == "inventory":
        listing = Listing(place.listing, str(folder), False)
        listing.add(discover(folder))
        listing.join(place.inventory, lambda n, s: Head(str(folder), False, n, s))
    elif stage == "parts":
        inventory = Inventory(place.inventory)
        for number in range(-(-inventory.head.files // block)):
            rows = []
            for i, found in enumerate(as_found(inventory.rows(number * block, (number + 1) * block), str(folder))):
                row = blank_row(found, "ok")
                row.priority, row.finding, row.model = "routine", "normal", "compact@3"
                row.p_normal, row.p_bacteria, row.p_virus, row.p_pneumonia = "0.9", "0.05", "0.05", "0.1"
                row.study_uid = row.series_uid = row.sop_uid = f"1.2.826.0.1.3680043.8.498.{number}.{i}"
                rows.append(row)
            place.write_part(inventory.head, number, block, rows)
    else:
        head = Inventory(place.inventory).head
        with Output(root / "triage.csv", {}) as output, Doubles() as doubles:
            for part in place.rows(head, block):
                output.write([doubles.see(row) for row in part])
            output.finish(doubles.resolve if doubles.has_doubles else None)
        convert(root / "triage.csv", ("parquet",))
        write_studies(root / "triage.csv", lambda _: "")
    ended = os.times()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": ended.user - began.user + ended.system - began.system, "peak_mb": peak}


if __name__ == "__main__":
    main()
