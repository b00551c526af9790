"""The ranges that INT8 needs: read from an earlier calibration, or found on radiographs."""

from dataclasses import replace

from xscan.engine.dataset.folder import list_films
from xscan.engine.errors import UsageError

from ..acceptance import mixed
from ..graphs import run
from ..int8 import cache, films, observe, quantise
from ..int8.cache import Calibration
from ..int8.ranges import METHODS
from .emit import int8_graph
from .plan import Plan
from .settings import Say

CHOICE_FILMS = 96  #: calibration films that methods and layers are compared on
FEW = 32  #: films under which ranges are left to chance


def known(plan: Plan) -> Calibration | None:
    """What is known of this network without a radiograph: from an earlier build, else what travels with the network.

    What was measured of a graph counts wherever its ranges came from. Raises EngineError for a damaged file.
    """
    earlier, travels = cache.load(plan.cache, plan.source), cache.shipped(plan.source)
    if earlier is None or travels is None:
        return earlier or travels
    return replace(earlier, verdicts=travels.verdicts | earlier.verdicts)


def calibrate(plan: Plan, earlier: Calibration | None, say: Say) -> tuple[Calibration, films.Pictures | None]:
    """Ranges with a method chosen for this runtime, and the films they are of; None where no film was read.

    earlier: what is `known`.

    Raises UsageError where there is nothing to calibrate on, DataSetError, EngineError.
    """
    settings = plan.settings
    if settings.calibrate is None:
        if earlier is None:
            raise UsageError("INT8 needs --calibrate FOLDER: radiographs like those that will be scanned")
        place = f"taken from {plan.cache.name}" if plan.cache.is_file() else f"travel with {plan.manifest.label}"
        say.note(f"ranges of {earlier.films} radiographs {place}")
        return _with_method(plan, earlier, None, say), None
    ordered = films.order(list_films(settings.calibrate, settings.patients), plan.manifest, settings.seed)
    data = films.fingerprint(ordered, settings.films, plan.manifest.input)
    same = earlier is not None and (earlier.data, earlier.seed) == (data, settings.seed)
    if same:
        say.note(f"{plan.cache.name} is of the same network and radiographs: used as it is")
    pictures = films.read(
        ordered, plan.manifest.input, settings.films, lambda done: say.progress("reading", done, settings.films)
    )
    calibration = earlier if same and earlier is not None else _observe(plan, pictures, data, say)
    return _with_method(plan, calibration, pictures, say), pictures


def _observe(plan: Plan, pictures: films.Pictures, data: str, say: Say) -> Calibration:
    pixels = pictures.pixels
    if len(pixels) < FEW:
        say.warn(f"only {len(pixels)} radiographs to calibrate on: 500 are usual")
    ranges = observe.observe(
        plan.model,
        quantise.measured(plan.graph, quantise.int8_layers(plan.graph)),
        run.chunks(pixels),
        lambda done: say.progress("calibrating", done, len(pixels)),
    )
    return Calibration(plan.source, data, len(pixels), plan.settings.seed, ranges)


def _with_method(plan: Plan, calibration: Calibration, pictures: films.Pictures | None, say: Say) -> Calibration:
    if plan.kind in calibration.chosen and plan.settings.method == "auto":
        return calibration
    method = _method(plan, calibration, pictures, say)
    return replace(calibration, chosen=calibration.chosen | {plan.kind: method})


def _method(plan: Plan, calibration: Calibration, pictures: films.Pictures | None, say: Say) -> str:
    """The asked one, else the one that changes probabilities least on calibration films."""
    if plan.settings.method != "auto":
        return plan.settings.method
    if pictures is None:
        return "mse"
    layers = quantise.int8_layers(plan.graph)
    chosen = pictures.pixels[:CHOICE_FILMS]
    truth = run.logits(plan.model, chosen)
    changes = {}
    for number, method in enumerate(METHODS):
        say.progress("comparing methods", number, len(METHODS))
        candidate = run.logits(int8_graph(plan, calibration.by(method), layers), chosen)
        changes[method] = mixed.change(truth, candidate, plan.manifest)
    best = min(METHODS, key=lambda method: changes[method])
    say.note("mean change of p: " + ", ".join(f"{m} {changes[m]:.5f}" for m in METHODS) + f"; taken: {best}")
    return best
