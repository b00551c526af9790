"""Keras to ONNX, with the manifest inside, and proof that both answer alike."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from xscan.calibration.graphs.fold import prepared
from xscan.calibration.points.operating_points import choose_points, fit_temperature
from xscan.calibration.points.reference import reference
from xscan.calibration.points.scores import read_scores
from xscan.engine.dataset.films import FOLDS, DataSet, read_inputs
from xscan.engine.dataset.trained_on import write_record
from xscan.engine.disk.replace import replacing_path
from xscan.engine.errors import DataSetError, EngineError, UsageError
from xscan.engine.network.manifest import KEY, Manifest
from xscan.engine.network.sidecar import require_network
from xscan.engine.network.spec import InputSpec
from xscan.engine.runtime.open import open_runtime
from xscan.engine.triage.odds import probabilities

from .fit.train import logits_of

OPSET = 18
TOLERANCE = 1e-5  #: largest difference of a probability between Keras and ONNX Runtime
PARITY_FILMS = 256


@dataclass(frozen=True)
class Exported:
    """What was found and written."""

    difference: float  #: the largest of a probability between Keras and ONNX Runtime
    films: int  #: that it was measured on
    record: Path | None  #: of the films that it was trained on
    no_record: str = ""  #: why there is none

    def as_dict(self) -> dict[str, Any]:
        record = str(self.record) if self.record is not None else None
        return {"largest_difference": self.difference, "films": self.films, "record": record}


def export(run: Path, out: Path, data: DataSet, *, name: str, version: str, out_of_fold: list[Path]) -> Exported:
    """Write the network of a finished training run as ONNX, and beside it the record of its films.

    data: where PARITY_FILMS radiographs of the run's training folds come from.
    out_of_fold: scores.csv files that temperature and operating points are chosen on.
    Raises UsageError for an unfinished run, DataSetError for unusable
    scores, and EngineError, with nothing written, when ONNX Runtime does not answer as Keras does.
    """
    record = run / "run.json"
    if not record.is_file():
        raise UsageError(f"{run} holds no training run: make one with xscan train")
    history = json.loads(record.read_text(encoding="utf-8"))
    if not history["finished"]:
        raise UsageError(f"the run in {run} is not finished: go on with xscan train --resume")
    model = keras.saving.load_model(run / "final.keras", compile=False)
    _, height, width, _ = model.input_shape
    spec = InputSpec(height, width)
    manifest = _manifest(history, spec, name=name, version=version, out_of_fold=out_of_fold)

    content = convert(model, manifest)
    held = set(history["settings"]["hold_out"])
    films = data.folds(f for f in range(FOLDS) if f not in held)
    rng = np.random.default_rng(0)
    chosen = sorted(rng.permutation(len(films.films))[:PARITY_FILMS])
    pictures, readable = read_inputs(DataSet(tuple(films.films[i] for i in chosen), ""), spec)
    if not readable.any():
        raise DataSetError("no film of the training folds can be read: give the data set that it was trained on")
    pictures = pictures[readable]

    with replacing_path(out, require_network) as part:
        part.write_bytes(content)
        with open_runtime(part) as runtime:
            theirs = runtime.run(np.ascontiguousarray(pictures[..., None]))
        difference = float(np.abs(probabilities(theirs, 1) - probabilities(logits_of(model, pictures), 1)).max())
        if not difference <= TOLERANCE:
            raise EngineError(
                f"not exported: ONNX Runtime and Keras differ by {difference:.1e}, more than {TOLERANCE:.0e}"
            )
    # Beside the network: what tells its films again when it is measured on others.
    why = ""
    if data.fingerprint != history["data"]:
        why = "the films are not those of the run (give the same --data, --patients, --split and --part)"
    return Exported(difference, len(pictures), None if why else write_record(data, out.parent), why)


def convert(model: keras.Model, manifest: Manifest | None) -> bytes:
    """The ONNX file: uint8 input `pixels` [batch, height, width, 1], output `logits` (and `maps` if it has them)."""
    if keras.backend.backend() != "tensorflow":
        raise UsageError("export needs Keras on TensorFlow: set KERAS_BACKEND=tensorflow; its files suit any backend")
    import tensorflow as tf
    import tf2onnx

    names = sorted(model.output) if isinstance(model.output, dict) else ["logits"]

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8, name="pixels")]
    )
    def forward(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = model(pixels, training=False)
        return outputs if isinstance(outputs, dict) else {"logits": outputs}

    onnx_model, _ = tf2onnx.convert.from_function(forward, input_signature=forward.input_signature, opset=OPSET)
    for value in (*onnx_model.graph.input, *onnx_model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    if sorted(o.name for o in onnx_model.graph.output) != names:
        raise EngineError("the exported network lost its output names: check the tf2onnx version")
    if manifest is not None:
        onnx_model.metadata_props.add(key=KEY, value=manifest.to_json())
    return prepared(onnx_model).SerializeToString()


def _manifest(history: dict, spec: InputSpec, *, name: str, version: str, out_of_fold: list[Path]) -> Manifest:
    scores = read_scores(out_of_fold)
    if len(set((scores.labels > 0).tolist())) < 2:
        raise DataSetError("the out-of-fold films need some with and some without pneumonia: give other --out-of-fold")
    temperature = fit_temperature(scores.logits, scores.labels)
    p = probabilities(scores.logits, temperature)
    rule_out, rule_in = choose_points(p[:, 1] + p[:, 2], scores.labels > 0, scores.patients)
    settings = history["settings"]
    trained = [f for f in range(FOLDS) if f not in {*settings["hold_out"], *settings["validate"]}]
    return Manifest(
        name=name,
        version=version,
        input=spec,
        temperature=temperature,
        rule_out=rule_out,
        rule_in=rule_in,
        data={"fingerprint": history["data"], "trained_folds": trained, "out_of_fold_films": len(scores)},
        results=reference(p[:, 1] + p[:, 2], scores.labels > 0),
    )
