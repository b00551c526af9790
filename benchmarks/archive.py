"""What the machine that runs `xscan archive` has to do for each file, whatever the cluster: list, write parts, finish.

    python benchmarks/archive.py FILMS --files 20000 100000

FILMS is a folder of radiographs; it is linked until there are so many files. No film is read: the rows are made up,
as long as real ones. Prints processor seconds (user and system) for a million files, and the peak memory of a process
for each number of files: it must not grow with them.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from folders import spread

STAGES = ("inventory", "parts", "finish")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--files", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(measure(options.stage, options.films, options.place)))
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


def measure(stage: str, folder: Path, root: Path) -> dict[str, float]:
    """One stage in this process: seconds of it without what importing takes, and the process's peak memory."""
    from xscan.engine.archive.inventory import Head, Inventory, as_found, write_inventory
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
        write_inventory(place.inventory, discover(folder), str(folder), lambda n, s: Head(str(folder), False, n, s))
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
