"""What travels with a shipped network, so that `xscan build-engine` needs no radiographs: NAME.calibration.json.

    python scripts/ship_calibration.py ../shared/data/kermany224 [NETWORK ...]

Of each network (default: all that ship): ranges on 512 films of folds 0 to 8, by the method that changes probabilities
least for either INT8 graph; and what each reduced graph (INT8 for ONNX Runtime with 8-bit and with 7-bit weights, INT8
and FP16 for TensorRT) is worth against float32 on the other films of folds 0 to 8, of other patients. Never fold 9.
TensorRT's graphs are run by ONNX Runtime: what a card makes of them is for the card to show. To be run anew for a new
network, and where the graphs' making changed (tests/calibration/build_engine/test_shipped.py tells).
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from xscan.calibration.build_engine import emit
from xscan.calibration.build_engine.accept import Measured, graph_hash, measure, read_acceptance
from xscan.calibration.build_engine.calibrate import calibrate
from xscan.calibration.build_engine.emit import Candidate
from xscan.calibration.build_engine.plan import Plan, make_plan
from xscan.calibration.build_engine.settings import BuildSettings, Say
from xscan.calibration.int8 import cache
from xscan.calibration.int8.cache import Calibration
from xscan.engine.network.sidecar import SUFFIX
from xscan.engine.runtime.open import find_engine, shipped

FOLDS = tuple(range(9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="labelled films with folds")
    parser.add_argument("networks", nargs="*", default=shipped())
    options = parser.parse_args()
    for name in options.networks:
        path = find_engine(name)
        calibration = calibrate_and_measure(path, options.data)
        path.with_name(name + cache.SUFFIX).write_text(calibration.to_json(), encoding="utf-8")


def calibrate_and_measure(network: Path, data: Path) -> Calibration:
    say = Say(note=print, warn=print)
    with tempfile.TemporaryDirectory() as folder:  # where no earlier calibration lies
        out = Path(folder) / (network.stem + SUFFIX)
        settings = BuildSettings(network, out, "int8", "onnxruntime", data, accept=data, accept_folds=FOLDS)
        plan = make_plan(settings)
        calibration, calibrated = calibrate(plan, None, say)
        calibration, _ = calibrate(replace(plan, runtime="tensorrt"), calibration, say)
    measured = read_acceptance(plan, calibrated, say, most=10_000, trained_too=True)  # fold 9 is for figures alone
    assert measured is not None
    verdicts = {}
    for title, candidate in emit.without_radiographs(plan, calibration).items():
        print(title)
        verdicts |= verdict_of(plan, candidate, measured, say)
    return replace(calibration, verdicts=verdicts)


def verdict_of(plan: Plan, candidate: Candidate, measured: Measured, say: Say) -> dict[str, dict]:
    found = measure(plan, candidate, measured, say)
    assert found.verdict is not None
    print(found.verdict.as_text())
    record = found.record | {"measured_on": "onnxruntime", "data": "folds 0 to 8, of patients not calibrated on"}
    return {graph_hash(found.model): record}


if __name__ == "__main__":
    main()
