"""A Ray cluster, quietly: this machine alone on its loopback, or one that is there. Ray is imported here and not before
its telemetry is off."""

import contextlib
import itertools
import logging
import math
import os
import signal
import socket
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..disk.scratch import scratch
from ..errors import ClusterGone, StorageError, UsageError
from ..machine.install import require
from .settings import LOCAL, ArchiveSettings

ANSWER_S = 5.0  #: that a cluster's address may take to be reached
STARTS = 3  #: of a cluster on this machine, before it is given up; more where it was slow, ...
SLOW_S = 20.0  #: ... as one is that fails after so many seconds, ...
START_S = 300.0  #: ... until so many have passed
OBJECT_STORE = 128 * 2**20  #: bytes; a block's rows are some hundred thousand, and two blocks an actor are under way
#: Read when Ray is imported. Sends nothing, says nothing, and a cluster of this machine alone is on its loopback.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # what it prints, on stdout, of workers that died: the scan tells it
    "RAY_TQDM": "0",
    # On a busy machine its own processes take longer to start than it gives them.
    "RAY_agent_register_timeout_ms": "300000",
}
_LOCAL = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # its name for: bind to 127.0.0.1 alone
    # No network lies between its processes: one that does not answer is slow, as all of a busy machine. What has ended
    # is known by other ways. Without this Ray takes it for lost after 15 to 60 s and ends the command without a word.
    "RAY_gcs_server_port_wait_time_s": "120",
    "RAY_gcs_server_request_timeout_seconds": "300",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "300",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_worker_register_timeout_seconds": "300",
}
#: While its processes start: they ask addresses outside whose cloud they are in, telemetry or not. These requests go to
#: a port where nothing listens.
NO_WAY_OUT = {
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost"),
}


@dataclass(frozen=True)
class Node:
    """A machine of the cluster as Ray counts it."""

    cpus: float
    gpus: float


class Cluster:
    """Starts actors of one class, and knows how many the machines have room for."""

    def __init__(self, ray: Any, settings: ArchiveSettings) -> None:
        self.ray = ray
        self._settings = settings

    @property
    def room(self) -> int:
        """Actors that the machines that are up have room for."""
        return sum(actors_of(node, self._settings) for node in self.nodes())

    def nodes(self) -> list[Node]:
        """Those that are up. Raises ClusterGone."""
        self._require_head()
        try:
            found = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        except Exception:
            raise ClusterGone(GONE) from None
        if not found and self._settings.address == LOCAL:
            raise ClusterGone(GONE)
        return [Node(float(r.get("CPU", 0)), float(r.get("GPU", 0))) for r in found]

    def _require_head(self) -> None:
        """Raise ClusterGone where nothing listens any more. Ray would find out a minute later, and end the process."""
        if self._settings.address.startswith("ray://"):
            return  # that connection tells by itself
        host, _, port = self.ray.get_runtime_context().gcs_address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
        except ConnectionRefusedError:
            raise ClusterGone(GONE) from None
        except OSError:
            pass  # slow, or cut off for a while: Ray has limits of its own

    def start(self, kind: type, *arguments: Any) -> Any:
        """An actor; Ray neither starts it again nor repeats its tasks, for that is decided here."""
        s = self._settings
        options = {"num_cpus": s.actor_cpus, "num_gpus": s.actor_gpus, "max_restarts": 0, "max_task_retries": 0}
        return self.ray.remote(kind).options(**options).remote(*arguments)

    def kill(self, actor: Any) -> None:
        with contextlib.suppress(Exception):  # it has ended, or its node has
            self.ray.kill(actor)


def environment_of_actors(settings: ArchiveSettings) -> dict[str, str | None]:
    """What an actor on this machine lacks of the command's environment: its own way out, to a bucket."""
    return {name: os.environ.get(name) for name in NO_WAY_OUT} if settings.address == LOCAL else {}


AGAIN = "start it again and run the same command again, it carries on"
GONE = f"the Ray cluster is gone: {AGAIN}"


def actors_of(node: Node, settings: ArchiveSettings) -> int:
    """How many actors a machine has room for."""
    room = int(node.cpus / settings.actor_cpus + 1e-6)
    return min(room, int(node.gpus / settings.actor_gpus + 1e-6)) if settings.actor_gpus else room


@contextlib.contextmanager
def cluster(settings: ArchiveSettings) -> Generator[Cluster]:
    """Connect to the cluster, or start one on this machine that ends with this process.

    Raises UsageError where no cluster answers, or one of another version of Ray or Python.
    """
    require("ray", "pyarrow")
    local = settings.address == LOCAL
    if not local:
        require_answer(settings.address)
    os.environ.update(_ENVIRONMENT | (_LOCAL if local else {}))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    import ray

    logging.getLogger("ray.util.client").setLevel(logging.CRITICAL)  # it tells of its reconnecting
    with contextlib.ExitStack() as kept:
        folder = kept.enter_context(scratch()) if local else None
        kept.callback(_shut_down, ray, handlers)
        environment = _environment(NO_WAY_OUT if local else {})
        with _quiet(settings.address), warnings.catch_warnings(), _no_stderr(), environment:
            warnings.simplefilter("ignore")
            _start_local(ray, _options(settings, folder)) if local else ray.init(**_options(settings, folder))
        for number, handler in handlers.items():  # Ray has put its own there
            signal.signal(number, handler)
        yield Cluster(ray, settings)


def _shut_down(ray: Any, handlers: Mapping[Any, Any]) -> None:
    with contextlib.suppress(Exception):
        ray.shutdown()
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _start_local(ray: Any, options: Mapping[str, Any]) -> None:
    """Ray gives its own processes half a minute to start, which a busy machine may not have; then it leaves them."""
    began = time.monotonic()
    for number in itertools.count(1):
        before, tried = _children(), time.monotonic()
        try:
            ray.init(**options)
            return
        except Exception:
            with contextlib.suppress(Exception):
                ray.shutdown()
            for child in _children() - before:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)
            now = time.monotonic()
            if number >= STARTS and (now - tried < SLOW_S or now - began > START_S):
                raise


def _children() -> set[int]:
    """Processes that this one started (Linux)."""
    found = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended
            found.update(map(int, task.read_text().split()))
    return found


def _options(settings: ArchiveSettings, folder: Path | None) -> dict[str, Any]:
    quiet: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if folder is None:
        return {"address": settings.address, **quiet}
    return {
        "address": "local",
        "num_cpus": math.ceil(settings.batch.workers * settings.actor_cpus),
        "num_gpus": None if settings.actor_gpus else 0,  # None: Ray looks
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE,
        "_temp_dir": str(folder),
        **quiet,
    }


@contextlib.contextmanager
def _quiet(address: str) -> Generator[None]:
    """Turn what Ray says of a cluster that it cannot use into one line."""
    try:
        yield
    except Exception as error:
        said = str(error).lower()
        if "version" in said and ("mismatch" in said or "different" in said):
            raise UsageError(
                f"the cluster at {address} runs another version of Ray or Python: install the same on every node"
            ) from None
        if address == LOCAL:
            raise StorageError(
                f"Ray does not start on this machine ({type(error).__name__}): is there memory and room in the "
                "folder for temporary files?"
            ) from None
        raise UsageError(
            f"no Ray cluster can be used at {address} ({type(error).__name__}): give ray://HOST:10001, or HOST:6379 on "
            "a machine that is part of it; where the cluster has a token, it must be here, too"
        ) from None


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Generator[None]:
    """Environment variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _no_stderr() -> Generator[None]:
    """Its compiled part says on stderr, past all of Python, that it was told to say nothing."""
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def require_answer(address: str, connect: Callable[..., Any] = socket.create_connection) -> None:
    """Raise UsageError where nothing listens at `ray://HOST:PORT` or `HOST:PORT`; Ray itself would try for minutes."""
    host, sign, port = address.removeprefix("ray://").rpartition(":")
    if not sign or not host or not port.isdecimal() or not 0 < int(port) < 65536 or "://" in host:
        raise UsageError(f"cannot read --address {address}: write ray://HOST:10001, HOST:6379 or local")
    try:
        connect((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError:
        raise UsageError(f"no Ray cluster answers at {address}: start it, or give another --address") from None
