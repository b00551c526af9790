"""From a network and films to a gated network: read, make bad films in memory, fit, measure, write."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from xscan.engine.dataset.films import ListedFilm
from xscan.engine.dataset.folder import list_films
from xscan.engine.disk.replace import replace_bytes
from xscan.engine.errors import DataSetError, EngineError, OutputError
from xscan.engine.network.manifest import KEY, Manifest
from xscan.engine.network.sidecar import require_network
from xscan.engine.runtime.open import open_runtime
from xscan.engine.triage.gate import ADULT

from ..int8.films import HELD_OUT
from .bad_films import KINDS, LEARNED
from .features import remove
from .films import FeatureNetwork, adult_films, films_to_fit
from .fit import choose_thresholds, fit
from .measure import Figures, measure
from .nodes import attach

AGES = (1.0, 6.0)  #: years: Kermany et al. 2018, children of one to five years
GOOD = 3000  #: good films of the training folds that are enough for the covariance


def fit_and_measure(
    path: Path,
    data: Path,
    adults: Path,
    out: Path,
    *,
    originals: Path | None,
    each: int,
    seed: int,
    figure: Path | None = None,
) -> Figures:
    """Write the gated network to `out`, and ROC curves to `figure`. Raises EngineError, DataSetError, OutputError."""
    with open_runtime(path) as runtime:
        manifest = runtime.manifest
    model = onnx.load(path)
    remove(model)  # that of an earlier fit
    network = FeatureNetwork(model, manifest)
    listed = [film for film in list_films(data) if film.fold is not None]
    if not any(film.fold == HELD_OUT for film in listed):
        raise DataSetError(f"{data} has no folds: give a CSV beside it with the columns file,patient,fold")
    held_out = [film for film in listed if film.fold == HELD_OUT]
    order = np.random.default_rng(seed).permutation([i for i, f in enumerate(listed) if f.fold != HELD_OUT])
    listed = [listed[i] for i in sorted(order[:GOOD])] + held_out
    for film in listed:
        film.require(network.spec)
    good = [film.grey() for film in listed]
    labels = np.array([film.label for film in listed])
    folds = np.array([film.fold for film in listed])
    exported, full = _exported(originals)
    grown, part = adult_films(adults)

    films = films_to_fit(
        network,
        good + [film.grey() for film in exported],
        np.concatenate([labels, np.array([film.label for film in exported], int)]),
        np.concatenate([folds, np.array([film.fold for film in exported], int)]),
        [g for g, p in zip(grown, part, strict=True) if p == "tune"],
        each,
        seed,
    )
    thresholds, wary = choose_thresholds(films)
    head = fit(films)
    attach(model, head)
    codes = {"distance": "out-of-domain", "adult": "adult"} | {name: code for name, (code, _) in LEARNED.items()}
    gate: dict[str, Any] = {
        "ages": list(AGES),
        "adult_age": ADULT,
        "scores": [{"name": n, "code": codes[n], "threshold": thresholds[n]} for n in ("distance", *films.kinds)],
    }
    next(rule for rule in gate["scores"] if rule["name"] == "adult")["routine"] = wary

    figures = Figures(manifest.label)
    gated = _write(model, replace(manifest, gate=gate), out)
    held = [film for film, fold in zip(good, folds, strict=True) if fold == HELD_OUT]
    check = [g for g, p in zip(grown, part, strict=True) if p == "check"]
    figures.difference = float(
        np.abs(gated.outputs(network.inputs(held[:16]))["gate"] - head.scores(network.features(held[:16]))).max()
    )
    if not figures.difference < 0.02:
        raise EngineError("the gate in the graph does not give the scores that were fitted")
    measure(figures, gated, held, labels[folds == HELD_OUT] > 0, check, full, seed + 1)
    gate["measured"] = {k: v for k, v in figures.as_dict().items() if k not in ("model", "by_code")}
    _write(model, replace(manifest, gate=gate), out)
    if figure is not None:
        _draw(figure, figures)
    return figures


def _exported(folder: Path | None) -> tuple[list[ListedFilm], list[np.ndarray]]:
    """Films as their hospital exported them: those to fit on, and the held-out ones' grey levels.

    Of a film that was small already, edges and letters are softer: a gate that has seen no other takes what is crisp in
    a full-size film for letters over the lungs.
    """
    if folder is None:
        return [], []
    films = [film for film in list_films(folder) if film.fold is not None]
    if not any(film.fold == HELD_OUT for film in films):
        raise DataSetError(f"{folder} has no folds: give a CSV beside it with the columns file,patient,fold")
    return [f for f in films if f.fold != HELD_OUT], [f.grey() for f in films if f.fold == HELD_OUT]


def _draw(figure: Path, figures: Figures) -> None:
    from .figure import draw

    bad = {name: margin for name, margin in figures.margins.items() if name in ("adults (check)", *KINDS)}
    try:
        draw(figure, f"{figures.model}: which films the gate sends to review", figures.margins["good"], bad)
    except ValueError:
        raise OutputError(f"cannot write {figure}: give a path that ends in .svg or .png") from None


def _write(model: onnx.ModelProto, manifest: Manifest, out: Path) -> Any:
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=manifest.to_json())
    onnx.checker.check_model(model)
    replace_bytes(out, model.SerializeToString(), require_network)
    return open_runtime(out)
