"""A first run of an opened network on two pictures of noise: does it give what its manifest promises, in time?

A network is a program: a damaged or hostile one may give other shapes, mix the films of a batch, or never end. Here
that ends in one line before any film is read, and not in a night of `failed` rows.
"""

from typing import TYPE_CHECKING

from ..errors import DeviceLost, EngineError
from .protocol import Runtime

if TYPE_CHECKING:
    import numpy as np

FILMS = 2
SECONDS = 30.0  #: that the first run may take; a sound network needs a hundredth of one on a processor


def require_answers(runtime: Runtime, name: str) -> None:
    """Raises EngineError when the network's outputs are not those of a network of xscan."""
    import numpy as np  # not above: a run's main process looks for engines and never loads NumPy

    spec = runtime.manifest.input
    pictures = np.random.default_rng(0).integers(0, 256, (FILMS, spec.height, spec.width, 1), np.uint8)
    try:
        outputs = runtime.outputs(pictures)
    except DeviceLost:
        raise
    except EngineError as error:
        raise EngineError(f"{name} does not run: {error}") from None
    for output, shape in _wanted(runtime, outputs).items():
        found = outputs.get(output)
        if found is None:
            raise EngineError(f"{name} is no network of xscan: it lacks the output {output}")
        fits = found.ndim == len(shape) and all(n in (size, 0) for n, size in zip(shape, found.shape, strict=True))
        if not fits or found.shape[0] != FILMS:
            raise EngineError(f"{name} is no network of xscan: its output {output} has the shape {list(found.shape)}")
        if not np.isfinite(found).all():
            raise EngineError(f"{name} gives results that are no numbers: build or export it again")


def _wanted(runtime: Runtime, outputs: "dict[str, np.ndarray]") -> dict[str, tuple[int, ...]]:
    """Output -> shape, 0 for any number. `gate` must be there where the manifest has thresholds for it."""
    scores = len(runtime.manifest.gate.get("scores", ()))
    wanted: dict[str, tuple[int, ...]] = {"logits": (FILMS, 3)}
    if scores:
        wanted["gate"] = (FILMS, scores)
    if "maps" in outputs:
        wanted["maps"] = (FILMS, 0, 0, 3)
    return wanted
