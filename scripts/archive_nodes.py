"""A Ray cluster of several nodes on this machine's loopback; one dies in the middle of `xscan archive` and comes back.

    python scripts/archive_nodes.py FILMS --files 600 --nodes 2

FILMS is a folder of radiographs (`xscan phantom films --count 24` makes one); it is linked until there are --files of
them. Prints what happened; exit code 0 when the list is a batch's, byte for byte. Linux; needs the extra `ray`.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kill_test import spread

os.environ.update(
    {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_agent_register_timeout_ms": "300000",
        "RAY_health_check_period_ms": "1000",
    }
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("--files", type=int, default=600)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--block", type=int, default=16)
    options = parser.parse_args()
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        folder = spread(options.films, root / "films", options.files)
        xscan = [sys.executable, "-m", "xscan.cli"]
        shared = ["--engine", "compact", "--max-failures", "100%"]
        whole = [*xscan, "batch", str(folder), "--out", str(root / "whole.csv"), "-q", "--workers", "1", *shared]
        subprocess.run(whole, check=True)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        try:
            nodes = [cluster.add_node(num_cpus=1) for _ in range(options.nodes)]
            print(f"a head and {options.nodes} nodes on loopback", flush=True)
            command = [*xscan, "archive", str(folder), "--out", str(root / "place"), *shared, "--json"]
            command += ["--block", str(options.block), "--address", cluster.address]
            with subprocess.Popen(command) as run:
                for number, act in enumerate(("dies", "comes back")):
                    while run.poll() is None and parts(root) < (number + 1) * options.files // options.block // 4:
                        time.sleep(0.05)
                    print(
                        f"a node {act} after {parts(root)} parts (the command runs: {run.poll() is None})", flush=True
                    )
                    if act == "dies":
                        cluster.remove_node(nodes[0], allow_graceful=False)
                    else:
                        nodes[0] = cluster.add_node(num_cpus=1)
        finally:
            cluster.shutdown()
        same = (root / "whole.csv").read_bytes() == (root / "place" / "triage.csv").read_bytes()
        print(f"exit code {run.returncode}: the list of {options.files} files is {'the same' if same else 'WRONG'}")
    sys.exit(0 if same and run.returncode == 0 else 1)


def parts(root: Path) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(root / "place" / "archive" / "parts"))
    return 0


if __name__ == "__main__":
    main()
