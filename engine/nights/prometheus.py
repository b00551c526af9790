"""A night's figures as a text file for Prometheus' node_exporter (its textfile collector)."""

from collections.abc import Sequence
from pathlib import Path

from ..disk.overwrite import made_here
from ..disk.replace import replace_bytes
from . import clock
from .watch import Alarm, Watch

_OURS = made_here("Prometheus text file", b"# HELP xscan_")


def write_textfile(path: Path, watches: Sequence[Watch], alarms: Sequence[Alarm], free: dict[str, float]) -> None:
    """Write it whole or not at all, as node_exporter asks. free: place -> bytes. Raises OutputError, StorageError."""
    replace_bytes(path, render(watches, alarms, free), _OURS)


def render(watches: Sequence[Watch], alarms: Sequence[Alarm], free: dict[str, float]) -> bytes:
    """The metrics in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"xscan_{name}", help_, labels, registry=registry)

    ended = gauge("last_run_end_timestamp_seconds", "When the last finished run ended.", "list")
    seconds = gauge("last_run_duration_seconds", "How long it took.", "list")
    films = gauge("new_films", "New films of the last night, by band; failed ones have none.", "list", "band")
    doubtful = gauge("doubtful_films", "New films that the network may not decide on.", "list")
    index = gauge("score_stability_index", "PSI of the scores against earlier nights.", "list")
    gates = gauge("gate_stability_index", "PSI of a gate score against earlier nights.", "list", "score")
    told = gauge("alarms", "What is out of its limits: 1 for each.", "list", "what")
    disk = gauge("disk_free_bytes", "Free where the history and the lists stand.", "place")
    for watch in watches:
        figures = watch.figures
        if figures:
            ended.labels(watch.list).set(clock.moment(figures["ended"]).timestamp())
            seconds.labels(watch.list).set(figures["seconds"])
            for band, number in (figures["bands"] | {"failed": figures["failed"]}).items():
                films.labels(watch.list, band).set(number)
            doubtful.labels(watch.list).set(figures["doubtful"])
            if figures["psi"] is not None:
                index.labels(watch.list).set(figures["psi"])
            for name, value in figures["gate_psi"].items():
                gates.labels(watch.list, name).set(value)
        for alarm in watch.alarms:
            told.labels(watch.list, alarm.what).set(1)
    for alarm in alarms:
        told.labels("", alarm.what).set(1)
    for place, size in free.items():
        disk.labels(place).set(size)
    return generate_latest(registry)
