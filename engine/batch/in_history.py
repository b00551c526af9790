"""What a batch or an archive tells the history: at its start what scores and where it cuts, at its end what it did."""

import platform
from collections import Counter
from typing import Any

from ..network.manifest import Manifest
from ..nights.history import Recorder, Run
from ..runtime.choose import Choice
from .settings import BatchSettings, Summary


def about(settings: BatchSettings, manifest: Manifest, sha256: str) -> Run:
    """The run, when it begins. manifest, sha256: of its engine."""
    facts: dict[str, Any] = {
        "engine": Choice(settings.engine, settings.chosen_by).as_dict() | {"sha256": sha256},
        "network": manifest.label,
        "thresholds": {name: point["threshold"] for name, point in manifest.points().items()},
        "distribution": manifest.results.get("distribution", {}),
        "gate": [rule["name"] for rule in manifest.gate.get("scores", ())],
        "shard": str(settings.shard),
        "versions": versions(),
    }
    return Run(settings.kind, settings.nightly or settings.out, settings.folder, facts)


def record(recorder: Recorder, settings: BatchSettings, summary: Summary) -> Counter[str] | None:
    """Tell the history how the run ended; returns what is new tonight, by band."""
    counts = summary.as_dict()
    facts = {name: counts[name] for name in ("files", "kept", "dropped", "status", "priority", "reasons", "unchanged")}
    facts |= {"scored": summary.scored, "stage_seconds": summary.stage_seconds}
    if summary.interrupted:
        recorder.end("interrupted", None, summary.seconds, facts)
        return None
    return recorder.end("finished", settings.out, summary.seconds, facts)


def versions() -> dict[str, str]:
    """Of what shapes a result: package -> version."""
    from importlib.metadata import version  # slow to import, and wanted only here

    packages = ("xscan", "numpy", "opencv-python-headless", "onnxruntime", "pydicom", "imagecodecs")
    return {p: version(p) for p in packages} | {"python": platform.python_version()}
