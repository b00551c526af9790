"""All benchmarks, one after the other: `make bench` is the short form.

    python benchmarks/everything.py [--short] [--python OTHER/bin/python]

The full form takes about 15 minutes of two quiet cores, the short one about three. For the figures of
docs/performance.md throughput.py was run with --files 4000.
"""

import argparse
import subprocess
import sys
from pathlib import Path

FULL = {"throughput.py": "", "scaling.py": "--scale 0.7", "startup.py": "", "memory.py": "", "gpu_cores.py": ""}
SHORT = {
    "throughput.py": "--files 240 --slow-files 16 --rounds 1 --stage-films 48 --stage-seconds 2",
    "scaling.py": "cores format --scale 0.2 --rounds 1",
    "startup.py": "--files 100 --rounds 2",
    "memory.py": "--files 24",
    "gpu_cores.py": "--films 48 --seconds 2",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--python", action="append", default=[], help="another interpreter, for packages missing here")
    options = parser.parse_args()
    for script, flags in (SHORT if options.short else FULL).items():
        more = [word for python in options.python for word in ("--python", python)] if script == "throughput.py" else []
        subprocess.run([sys.executable, Path(__file__).with_name(script), *flags.split(), *more], check=True)


if __name__ == "__main__":
    main()
