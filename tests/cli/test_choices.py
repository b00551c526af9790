"""Options with a fixed list of values: the parser's lists are those of the code that uses them."""

import pytest

from xscan.calibration.build_engine import settings as build_settings
from xscan.calibration.int8.ranges import METHODS
from xscan.cli.terminal import choices
from xscan.engine.lists.formats import FORMATS
from xscan.engine.network.sidecar import RUNTIMES
from xscan.engine.report.texts import LANGUAGES

from ..conftest import Xscan


def test_the_lists_are_those_of_the_code() -> None:
    assert tuple(choices.Language) == LANGUAGES
    assert tuple(choices.ListFormat) == FORMATS
    assert tuple(choices.RangeMethod) == ("auto", *METHODS)
    assert set(choices.EngineRuntime) <= {"auto", *RUNTIMES}  # engines of the others are not built by xscan
    assert build_settings.BuildSettings.precision in tuple(choices.EnginePrecision)


def test_the_lists_are_those_of_training() -> None:
    pytest.importorskip("keras")
    from xscan.training.architectures.registry import ARCHITECTURES
    from xscan.training.evaluation.compare import COMPARED
    from xscan.training.explanation.explain import METHODS as MAPS

    assert sorted(choices.Trainable) == sorted(ARCHITECTURES)
    assert tuple(choices.Figure) == COMPARED
    assert tuple(choices.MapMethod) == MAPS


@pytest.mark.parametrize(
    "line",
    [
        ("batch", "films", "--lang", "fr"),
        ("report", "list.csv", "--lang", "fr"),
        ("batch", "films", "--format", "xls"),
        ("build-engine", "--precision", "int4"),
        ("build-engine", "--method", "guess"),
        ("build-engine", "--runtime", "openvino"),
        ("explain", "compact", "films", "--method", "guess"),
        ("compare", "compact", "seed", "films", "--by", "luck"),
        ("train", "films", "--out", "run", "--precision", "int8"),
        ("phantom", "films", "--format", "gif"),
    ],
)
def test_another_value_is_refused_with_the_list(xscan: Xscan, line: tuple[str, ...]) -> None:
    done = xscan(*line)
    assert done.returncode == 2
    assert f"invalid value for '{line[-2]}': '{line[-1]}' is not one of" in done.stderr
    assert done.stderr.count("\n") == 1
