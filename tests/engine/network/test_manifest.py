"""A network's manifest: what is written is what is read, in files of earlier versions, too."""

import json

import pytest

from xscan.engine.errors import EngineError
from xscan.engine.network.manifest import Manifest, OperatingPoint
from xscan.engine.network.spec import InputSpec
from xscan.engine.triage.points import table

MEASURED = OperatingPoint(0.2, 0.985, 0.95, (0.9802, 0.9887), (0.9361, 0.961))
MANIFEST = Manifest("test", "1", InputSpec(64, 64), 1.0, MEASURED, OperatingPoint(0.6, 0.9, 0.99))


def test_written_and_read() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    assert "0.9850 (0.9802 to 0.9887)" in table(MANIFEST)


def test_a_manifest_without_intervals_is_read() -> None:
    content = json.loads(MANIFEST.to_json())
    for point in ("rule_out", "rule_in"):
        for name in ("sensitivity_interval", "specificity_interval"):
            del content[point][name]
    old = Manifest.from_json(json.dumps(content))
    assert old.rule_out == OperatingPoint(0.2, 0.985, 0.95)
    assert "0.9850  " in table(old)


@pytest.mark.parametrize("interval", [[0.9], "ab", 0.9, [0.9, "x"]])
def test_a_damaged_interval_is_refused(interval: object) -> None:
    content = json.loads(MANIFEST.to_json())
    content["rule_out"]["sensitivity_interval"] = interval
    with pytest.raises(EngineError, match="damaged"):
        Manifest.from_json(json.dumps(content))
