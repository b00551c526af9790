"""The films that a gate is fitted on and measured on, and what a network makes of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from xscan.engine.dataset.folder import table_beside
from xscan.engine.dataset.sheet import read_sheet
from xscan.engine.errors import DataSetError
from xscan.engine.network.manifest import Manifest
from xscan.engine.preprocess.to_input import to_input
from xscan.engine.read.apart import read_path_apart

from ..int8.films import HELD_OUT
from .bad_films import LEARNED, varied
from .features import add_features, add_output
from .fit import Films

VARIED_ADULTS = 25  #: changed copies of each adult film, which are few


class FeatureNetwork:
    """A network that also gives its features."""

    def __init__(self, model: onnx.ModelProto, manifest: Manifest) -> None:
        self.spec = manifest.input
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        self._features = add_features(copy)
        add_output(copy, self._features, 0)
        copy.graph.output[-1].type.tensor_type.shape.dim[1].dim_param = "features"
        self._session = onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def inputs(self, films: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([to_input(film, self.spec) for film in films])[..., None]

    def features(self, films: Sequence[np.ndarray]) -> np.ndarray:
        pictures = self.inputs(films)
        parts = [pictures[i : i + 16] for i in range(0, len(pictures), 16)]
        return np.concatenate([np.asarray(self._session.run([self._features], {self._input: p})[0]) for p in parts])


def films_to_fit(
    network: FeatureNetwork,
    good: list[np.ndarray],
    labels: np.ndarray,
    folds: np.ndarray,
    tune: list[np.ndarray],
    each: int,
    seed: int,
) -> Films:
    rng = np.random.default_rng(seed)
    trained = np.flatnonzero(folds != HELD_OUT)
    chosen = rng.permutation(trained)[:each]
    of = folds[chosen]
    bad = {
        name: network.features([make(good[i], np.random.default_rng((seed, n, i))) for i in chosen])
        for n, (name, (_, make)) in enumerate(LEARNED.items())
    }
    small = [to_input(film, replace(network.spec, height=256, width=256)) for film in tune]
    changed = [varied(film, rng) for film in small for _ in range(VARIED_ADULTS)]
    whose = np.repeat(np.arange(len(tune)), VARIED_ADULTS)
    return Films(
        good=network.features([good[i] for i in trained]),
        labels=labels[trained],
        folds=folds[trained],
        varied=network.features([varied(good[i], rng) for i in chosen]),
        varied_folds=of,
        bad=bad,
        bad_folds=of,
        adults=np.concatenate([network.features(tune), network.features(changed)]),
        adult_folds=np.concatenate([np.arange(len(tune)), whose]) % HELD_OUT,
    )


def adult_films(folder: Path) -> tuple[list[np.ndarray], list[str]]:
    rows = _rows(folder, ("file", "part"))
    return [read_path_apart(folder / row["file"]).grey for row in rows], [row["part"] for row in rows]


def _rows(folder: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    path = table_beside(folder)
    if not path.is_file():
        raise DataSetError(f"no file {path}: it needs the columns {', '.join(columns)}")
    sheet, rows = read_sheet(path)
    sheet.require(*columns)
    return [row for _, row in rows]
