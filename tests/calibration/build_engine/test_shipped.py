"""What travels with each shipped network is of that network, and of the graphs that build-engine makes of it today."""

from pathlib import Path

import pytest

from xscan.calibration.build_engine import emit
from xscan.calibration.build_engine.accept import earlier_verdict
from xscan.calibration.build_engine.calibrate import known
from xscan.calibration.build_engine.plan import make_plan
from xscan.calibration.build_engine.settings import BuildSettings
from xscan.engine.runtime.open import find_engine, shipped

RENEW = "run scripts/ship_calibration.py anew"


@pytest.mark.parametrize("network", shipped())
def test_every_graph_of_a_shipped_network_was_measured(network: str, tmp_path: Path):
    plan = make_plan(BuildSettings(find_engine(network), tmp_path / "x.engine", runtime="onnxruntime"))
    calibration = known(plan)
    assert calibration is not None, f"{network} brings no calibration, or that of another network: {RENEW}"
    assert calibration.films == 512
    assert set(calibration.chosen) == {"onnxruntime", "tensorrt"}
    for title, candidate in emit.without_radiographs(plan, calibration).items():
        verdict = earlier_verdict(candidate, calibration)
        assert verdict is not None, f"{network}, {title}: nobody measured this graph: {RENEW}"
        assert verdict["labelled"]
        assert verdict["films"] > 3000
        assert "folds 0 to 8" in verdict["data"]
