"""A shipped network in INT8 through TensorRT for RTX's compiler, which needs no GPU: by its own words every convolution
becomes INT8. The words are those of version 1.7 and may change with another (scripts/rtx_builds.py tries them all)."""

import importlib.util
from importlib.metadata import version
from pathlib import Path

import pytest

from xscan.engine.errors import EngineError
from xscan.engine.network.sidecar import Profile
from xscan.engine.runtime.compile import BuildOptions, build_plan

pytest.importorskip("tensorrt_rtx")
ROOT = Path(__file__).parents[3]


def builds():
    spec = importlib.util.spec_from_file_location("rtx_builds", ROOT / "scripts" / "rtx_builds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not version("tensorrt-rtx").startswith("1.7."), reason="the words of the log are those of 1.7")
def test_every_convolution_of_the_default_network_that_should_becomes_int8() -> None:
    rtx_builds = builds()
    graph, convolutions = rtx_builds.graph("compact", "int8")
    assert convolutions == 24  # of 35: the first, at a quarter of the side and above, stay in float
    assert rtx_builds.converted(graph, "8.6") == convolutions


def test_turing_is_refused_before_the_compiler_is_asked() -> None:
    import tensorrt_rtx

    options = BuildOptions(Profile(1, 4, 8), compute_capability="7.5")
    with pytest.raises(EngineError, match=r"no use for compute capability 7\.5"):
        build_plan(tensorrt_rtx, b"never looked at", options)
