"""What a manifest and a sidecar must be, value by value: both may have been edited, or written by somebody else.

Each rule raises ValueError with the place in the JSON and what it must be; the readers make an EngineError of it.
"""

import math
import re
from collections.abc import Callable, Collection
from typing import Any

from ..reasons import REVIEW

MOST_PIXELS = 4096  #: a side of a network's input
MOST_BATCH = 4096
_SHA256 = re.compile(r"[0-9a-f]{64}")

Rule = Callable[[str, Any], None]


def fail(place: str, wanted: str) -> None:
    raise ValueError(f"{place} must be {wanted}")


def number(low: float, high: float, above: bool = False) -> Rule:
    """A finite number from low to high, or above low."""

    def rule(place: str, value: Any) -> None:
        sound = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not sound or not low <= value <= high or (above and value == low):
            fail(place, f"a number {'above' if above else 'from'} {low:g} {'and at most' if above else 'to'} {high:g}")

    return rule


def whole(low: int, high: int) -> Rule:
    def rule(place: str, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            fail(place, f"a whole number from {low} to {high}")

    return rule


def one_of(words: Collection[str]) -> Rule:
    def rule(place: str, value: Any) -> None:
        if not isinstance(value, str) or value not in words:
            fail(place, "one of " + ", ".join(words))

    return rule


def text(place: str, value: Any) -> None:
    """What may be printed in a line of a terminal, and stand in a cell of a list."""
    if not isinstance(value, str) or len(value) > 1000 or not value.isprintable():
        fail(place, "a line of printable text")


def name(place: str, value: Any) -> None:
    text(place, value)
    if not value or len(value) > 100 or not (value[0].isalnum() or value[0] == "_"):
        fail(place, "1 to 100 printable characters that begin with a letter or digit")


def sha256(place: str, value: Any) -> None:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        fail(place, "a sha256")


def truth(place: str, value: Any) -> None:
    if not isinstance(value, bool):
        fail(place, "true or false")


def anything(place: str, value: Any) -> None:
    """Said by whoever made the network, shown and never reckoned with."""
    if not isinstance(value, dict):
        fail(place, "an object")


def each(rule: Rule) -> Rule:
    """A list, and a rule for its items."""

    def rules(place: str, value: Any) -> None:
        if not isinstance(value, (list, tuple)):
            fail(place, "a list")
        for i, item in enumerate(value):
            rule(f"{place}[{i}]", item)

    return rules


def values(rule: Rule) -> Rule:
    """An object, and a rule for its values."""

    def rules(place: str, value: Any) -> None:
        anything(place, value)
        for key, item in value.items():
            text(place, key)
            rule(f"{place}.{key}", item)

    return rules


def parts(wanted: dict[str, Rule], optional: Collection[str] = (), more: bool = False) -> Rule:
    """An object with these keys. more: others may stand beside them."""

    def rules(place: str, value: Any) -> None:
        anything(place, value)
        if missing := wanted.keys() - value.keys() - set(optional):
            fail(place, f"an object with {min(missing)}")
        if not more and (unknown := value.keys() - wanted.keys()):
            fail(place, f"without {min(unknown)}: it was made by another version of xscan")
        for key, rule in wanted.items():
            if key in value:
                rule(f"{place}.{key}" if place else key, value[key])

    return rules


def optional(rule: Rule) -> Rule:
    def rules(place: str, value: Any) -> None:
        if value is not None:
            rule(place, value)

    return rules


def ascending(rule: Rule) -> Rule:
    """Two values, the first no larger than the second."""

    def rules(place: str, value: Any) -> None:
        each(rule)(place, value)
        if len(value) != 2 or value[0] > value[1]:
            fail(place, "two numbers, the smaller first")

    return rules


SHARE = number(0, 1)


def _curve_row(place: str, value: Any) -> None:
    each(SHARE)(place, value)
    if len(value) != 3:
        fail(place, "threshold, sensitivity, specificity")


_POINT = parts(
    {"threshold": SHARE, "sensitivity": SHARE, "specificity": SHARE}
    | dict.fromkeys(("sensitivity_interval", "specificity_interval"), optional(ascending(SHARE))),
    optional=("sensitivity_interval", "specificity_interval"),
)
_SCORE = parts(
    {"name": name, "code": one_of(REVIEW), "threshold": number(-1e6, 1e6), "routine": number(-1e6, 1e6)},
    optional=("routine",),
    more=True,
)
MANIFEST: Rule = parts(
    {
        "name": name,
        "version": name,
        "input": parts(
            {"height": whole(8, MOST_PIXELS), "width": whole(8, MOST_PIXELS), "resize": one_of(("area",))},
            optional=("resize",),
        ),
        "temperature": number(0, 1000, above=True),
        "rule_out": _POINT,
        "rule_in": _POINT,
        "near_tie": SHARE,
        "smallest_side": whole(1, 96),
        "classes": each(text),
        "data": parts({"trained_folds": each(whole(0, 1000))}, optional=("trained_folds",), more=True),
        "results": parts({"curve": each(_curve_row)}, optional=("curve",), more=True),
        "gate": parts(
            {"ages": ascending(number(0, 200)), "adult_age": number(0, 200), "scores": each(_SCORE)},
            optional=("ages", "adult_age", "scores"),
            more=True,
        ),
        "intended_use": text,
    },
    optional=("near_tie", "smallest_side", "classes", "data", "results", "gate", "intended_use"),
)


def manifest(content: Any) -> None:
    """Raises ValueError for content of a manifest that no network of xscan has."""
    MANIFEST("", content)
    if content["rule_in"]["threshold"] < content["rule_out"]["threshold"]:
        fail("rule_in.threshold", "at or above that of rule_out")


SIDECAR: Rule = parts(
    {
        "runtime_version": text,
        "precision": one_of(("fp32", "fp16", "int8")),
        "sha256": values(sha256),
        "profile": parts(dict.fromkeys(("least", "best", "most"), whole(1, MOST_BATCH))),
        "built_for": parts(
            dict.fromkeys(("gpu", "compute_capability", "driver", "system", "level"), text) | {"portable": truth},
            optional=("portable", "system", "level"),
        ),
        "layers": values(text),
        "calibration": anything,
        "gate": anything,
        "compiled": values(text),
    },
    optional=("layers", "calibration", "gate", "compiled"),
    more=True,
)


def sidecar(content: Any) -> None:
    """Raises ValueError for content of a sidecar, beside its manifest and runtime, that no engine of xscan has."""
    SIDECAR("", content)
    profile = content["profile"]
    if not profile["least"] <= profile["best"] <= profile["most"]:
        fail("profile", "ascending: least, best, most")
    version = content["built_for"]["compute_capability"]
    if version and not re.fullmatch(r"\d{1,2}\.\d", version):
        fail("built_for.compute_capability", "like 8.6")
