"""A network to be measured, whatever it comes as: engine, ONNX, Keras file or scores."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xscan.engine.dataset.films import FOLDS
from xscan.engine.errors import EngineError
from xscan.engine.network.manifest import Manifest, OperatingPoint
from xscan.engine.network.spec import InputSpec
from xscan.engine.runtime.open import find_engine, open_runtime
from xscan.engine.runtime.protocol import Closing, Runtime

BATCH = 8


@dataclass(frozen=True)
class Network(Closing):
    """A network that is ready to run."""

    runtime: Runtime
    points: dict[str, float]  #: thresholds on the probability of pneumonia by name; {} for a `.keras`
    how: str  #: for people: the runtime, and what it was made from
    trained: Mapping[str, Any]  #: fingerprint and folds of what it was trained on, as `Manifest.data` has them
    folder: Path  #: where it lies

    def close(self) -> None:
        self.runtime.close()


def open_network(model: str) -> Network:
    """An ONNX file, a built engine, a shipped network's name, or a Keras file, which is converted in memory.

    A `.keras` has no manifest: temperature 1, no operating points. Raises EngineError.
    """
    if not model.endswith(".keras"):
        file = find_engine(model)
        runtime = open_runtime(file)
        manifest = runtime.manifest
        points = {"rule-out": manifest.rule_out.threshold, "rule-in": manifest.rule_in.threshold}
        return Network(runtime, points, runtime.description, manifest.data, file.parent)
    path = Path(model)
    if not path.is_file():
        raise EngineError(f"no network {path}: give the final.keras of a training run")
    import keras

    from xscan.engine.runtime.onnx import OnnxRuntime

    from ..architectures import registry  # noqa: F401  the layers that a saved network may hold
    from ..export import convert

    try:
        network = keras.saving.load_model(path, compile=False)
    except Exception:  # Keras raises what it likes on a damaged file
        raise EngineError(f"{path.name} is not a network that Keras can load") from None
    _, height, width, _ = network.input_shape
    name = path.parent.resolve().name if path.stem in ("final", "last") else path.stem
    unused = OperatingPoint(0.5, 0, 0)
    manifest = Manifest(name, "keras", InputSpec(height, width), temperature=1, rule_out=unused, rule_in=unused)
    runtime = OnnxRuntime(path, convert(network, manifest))
    how = f"{runtime.description}, converted from Keras"
    return Network(runtime, {}, how, _trained_by_run(path.parent / "run.json"), path.parent)


def _trained_by_run(record: Path) -> dict[str, Any]:
    """The same from a training run's record; {} where there is none."""
    try:
        run = json.loads(record.read_text(encoding="utf-8"))
        kept = {*run["settings"]["hold_out"], *run["settings"]["validate"]}
        return {"fingerprint": run["data"], "trained_folds": [fold for fold in range(FOLDS) if fold not in kept]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
