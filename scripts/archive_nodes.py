"""A Ray cluster of a head and several nodes on this machine's loopback, as `ray start` makes them; one of them dies in
the middle of `xscan archive` and comes back.

    python scripts/archive_nodes.py FILMS... --files 600 --nodes 2 [--who head] [--by client]

FILMS are folders of radiographs (scripts/archive_trial.py adds damaged ones and a zip). A node dies after a quarter of
the parts and comes back after half of them. A head dies after a quarter; when the command has ended, head and nodes are
started again, and so is the command. --by client: by ray://HOST:PORT, as from a machine that is no part of the cluster.
Prints what happened; exit code 0 when the list is a batch's, byte for byte. Linux; needs the extra `ray`. `ray start`
opens its ports on all of this machine's addresses.
"""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from archive_trial import Trial, parser

#: As docs/archive.md has it on every machine.
CLUSTER = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
#: What a busy machine needs to start nodes, and a dead one that is missed within seconds.
PATIENT = (
    os.environ
    | CLUSTER
    | {
        "PYTHONUNBUFFERED": "1",  # that a node is up is told at once
        "RAY_agent_register_timeout_ms": "300000",
        "RAY_gcs_server_port_wait_time_s": "120",
        "RAY_health_check_period_ms": "1000",
    }
)


class Machines:
    """A head and nodes, each a `ray start` with its own processes. A context manager: they end with the block."""

    def __init__(self, folder: Path, nodes: int) -> None:
        self._folder, self._number = folder, nodes
        self._port, self.client_port = free_port(), free_port()
        self._started: list[subprocess.Popen] = []

    def __enter__(self) -> "Machines":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            end(process)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Head and nodes, at the addresses that they had before."""
        self.head = self._start("--head", f"--port={self._port}", f"--ray-client-server-port={self.client_port}")
        self.nodes = [self.node() for _ in range(self._number)]

    def node(self) -> subprocess.Popen:
        return self._start(f"--address={self.address}")

    def _start(self, *options: str) -> subprocess.Popen:
        is_head = "--head" in options
        words = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options]
        words += ["--node-ip-address=127.0.0.1", f"--num-cpus={0 if is_head else 1}", "--num-gpus=0"]
        words += ["--object-store-memory=100000000", "--min-worker-port=0", "--max-worker-port=0"]
        words += ["--include-dashboard=false", f"--temp-dir={self._folder}"] if is_head else []
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=PATIENT)
        self._started.append(process)
        assert process.stdout is not None
        said = b""
        while b"Ray runtime started" not in (line := process.stdout.readline()):
            said += line
            if not line:
                sys.exit(f"a node does not start:\n{said.decode(errors='replace')[-2000:]}")
        return process


def end(process: subprocess.Popen) -> None:
    """As by a power cut: Ray's processes on the node go with the one that is killed."""
    process.kill()
    process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--nodes", type=int, default=2)
    made.add_argument("--who", choices=["node", "head"], default="node", help="what dies")
    made.add_argument("--by", choices=["node", "client"], default="node", help="how the command reaches the cluster")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as place:
        trial = Trial(Path(place), options)
        with Machines(Path(place) / "ray", options.nodes) as machines:
            machines.start()
            print(f"a head and {options.nodes} nodes on this machine", flush=True)
            code = (node_dies if options.who == "node" else head_dies)(trial, machines, options.by)
        same = trial.is_same()
    sys.exit(0 if same and code == 0 else 1)


def started(trial: Trial, machines: Machines, by: str) -> subprocess.Popen:
    address = machines.address if by == "node" else f"ray://127.0.0.1:{machines.client_port}"
    return subprocess.Popen(trial.command("--address", address), env=trial.environment | CLUSTER)


def wait_for(trial: Trial, run: subprocess.Popen, quarters: int) -> None:
    while run.poll() is None and trial.parts < quarters * trial.blocks // 4:
        time.sleep(0.05)


def node_dies(trial: Trial, machines: Machines, by: str) -> int:
    with started(trial, machines, by) as run:
        wait_for(trial, run, 1)
        end(machines.nodes[0])
        print(f"a node died after {trial.parts} parts (the command runs: {run.poll() is None})", flush=True)
        wait_for(trial, run, 2)
        machines.nodes[0] = machines.node()
        print(f"it is back after {trial.parts} parts (the command runs: {run.poll() is None})", flush=True)
    print(f"exit code {run.returncode}")
    return run.returncode


def head_dies(trial: Trial, machines: Machines, by: str) -> int:
    with started(trial, machines, by) as run:
        wait_for(trial, run, 1)
        end(machines.head)
        died = time.monotonic()
        print(f"the head died after {trial.parts} parts (the command runs: {run.poll() is None})", flush=True)
    print(f"{time.monotonic() - died:.0f} s later the command ended: exit code {run.returncode}", flush=True)
    for node in machines.nodes:  # they have lost their head
        end(node)
    machines.start()
    with started(trial, machines, by) as run:
        print(f"started again, with {trial.parts} parts", flush=True)
    print(f"exit code {run.returncode}")
    return run.returncode


if __name__ == "__main__":
    main()
