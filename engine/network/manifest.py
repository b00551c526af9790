"""What a network says of itself: JSON under the key `xscan` in the ONNX file's metadata_props."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from .. import CLASSES
from ..errors import EngineError
from . import rules
from .spec import InputSpec

KEY = "xscan"
FORMAT = 1


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the probability of pneumonia, and what it measured where it was chosen."""

    threshold: float
    sensitivity: float
    specificity: float
    sensitivity_interval: tuple[float, float] | None = None  #: 95 %; None in older files, and for a site's own point
    specificity_interval: tuple[float, float] | None = None

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "OperatingPoint":
        """From a manifest's JSON, where an interval is a list of two. Raises TypeError, ValueError."""
        content = dict(content)
        for name in ("sensitivity_interval", "specificity_interval"):
            if content.get(name) is not None:
                low, high = content[name]
                content[name] = float(low), float(high)
        return cls(**content)


@dataclass(frozen=True)
class Manifest:
    name: str
    version: str
    input: InputSpec
    temperature: float  #: logits are divided by it before softmax
    rule_out: OperatingPoint  #: below: routine
    rule_in: OperatingPoint  #: at or above: urgent
    near_tie: float = 0.1  #: bacteria and virus closer than this: `pneumonia` without a kind
    smallest_side: int = 96  #: pixels of a film's shorter side: what has fewer is an icon or a logo
    classes: tuple[str, ...] = CLASSES
    data: dict[str, Any] = field(default_factory=dict)  #: fingerprint, films, folds of the training data
    results: dict[str, Any] = field(default_factory=dict)  #: measured on held-out films
    gate: dict[str, Any] = field(default_factory=dict)  #: when the model may not decide (xscan.engine.triage.gate)
    intended_use: str = "Research and prioritisation of the reading list. Not a diagnosis; a physician decides."

    @property
    def label(self) -> str:
        """`name@version`, the CSV's column `model`."""
        return f"{self.name}@{self.version}"

    def points(self) -> dict[str, dict[str, Any]]:
        """Both operating points, for JSON."""
        return {"rule_out": asdict(self.rule_out), "rule_in": asdict(self.rule_in)}

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT} | asdict(self) | {"input": self.input.as_dict()}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Raises EngineError for a manifest that is damaged or of a later format."""
        try:
            content = json.loads(text)
            if content.pop("format") != FORMAT:
                raise EngineError("the network was made by another version of xscan: update xscan or export it again")
            rules.manifest(content)
            content["input"] = InputSpec.from_dict(content["input"])
            for point in ("rule_out", "rule_in"):
                content[point] = OperatingPoint.from_dict(content[point])
            content["classes"] = tuple(content.get("classes", CLASSES))
            manifest = cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise EngineError(
                f"the network's manifest is damaged{_why(error)}: export it again with xscan export"
            ) from None
        if manifest.classes != CLASSES:
            raise EngineError(f"the network's classes are not {', '.join(CLASSES)} in this order")
        return manifest


def _why(error: Exception) -> str:
    """What a rule says; nothing for what is no JSON or lacks the frame, whose errors would only quote it."""
    said = str(error)
    return f" ({said})" if type(error) is ValueError and said.isprintable() and len(said) < 200 else ""
