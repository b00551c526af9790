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


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": -1}, {"temperature": 0}, {"temperature": "1"}, {"temperature": float("nan")}, {"name": "=1+1"},
        {"name": "a\x1b[31m"}, {"gate": "x"}, {"gate": {"ages": ["a"]}}, {"gate": {"ages": [6, 1]}},
        {"gate": {"scores": [{"name": "x"}]}}, {"gate": {"scores": [{"name": "x", "code": "no-code", "threshold": 1}]}},
        {"input": {"height": 200000, "width": 200000}}, {"input": {"height": 0, "width": 64}}, {"near_tie": 2},
        {"rule_in": {"threshold": float("nan"), "sensitivity": 1, "specificity": 1}},
        {"rule_in": {"threshold": 0.1, "sensitivity": 1, "specificity": 1}},
        {"results": {"curve": [[1, 2, 3]]}}, {"data": {"trained_folds": "all"}}, {"surprise": 1},
    ],
)  # fmt: skip
def test_a_value_out_of_its_range_is_refused(change: dict) -> None:
    with pytest.raises(EngineError, match="manifest is damaged") as caught:
        Manifest.from_json(json.dumps(json.loads(MANIFEST.to_json()) | change))
    assert str(caught.value).isprintable()
