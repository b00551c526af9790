"""Speed as shipped, the long way: what build-engine makes here, folder to CSV, beside what a user would write instead.

    python benchmarks/as_shipped.py [--files 1920] [--rounds 7] [--python OTHER/bin/python]

Builds the default network's engine as `xscan build-engine` does, without radiographs, then runs throughput.py on the
originals and on 1300 x 1000 JPEGs: whole processes, each cold, in turn, medians. Wanted on two quiet cores with VNNI:
2.6 times `image_dataset_from_directory` + `predict` with oneDNN on the originals, 3.2 times at 1300 x 1000, and 92 % of
the limit that the stages cost, for float32 and INT8. Takes an hour of a machine that does nothing else.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from measure import SCRATCH, note


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1920)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--python", action="append", default=[], help="another interpreter, for packages missing here")
    options = parser.parse_args()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    engine = SCRATCH / "shipped.engine"
    build = [sys.executable, "-m", "xscan.cli", "build-engine", "--out", engine, "--json"]
    built = json.loads(subprocess.run(build, stdout=subprocess.PIPE, text=True, check=True).stdout)
    note(f"build-engine made {built['precision']} for {built['runtime']}")
    command = [
        sys.executable, Path(__file__).with_name("throughput.py"), "--engine", engine, "--name", "throughput-shipped",
        "--files", str(options.files), "--rounds", str(options.rounds), "--only", "default network",
        "--only", engine.name, "--only", "image_dataset_from_directory + predict, oneDNN",
        *(word for python in options.python for word in ("--python", python)),
    ]  # fmt: skip
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
