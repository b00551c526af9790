"""A site's own operating points: by threshold, or by the sensitivity or specificity wanted.

The manifest carries a table of what each threshold measured on out-of-fold films (`results["curve"]`: rows of
threshold, sensitivity, specificity). Rule-out is the highest threshold that keeps a wanted sensitivity, rule-in
the lowest that gives a wanted specificity. A wish means the rate as it was measured, not its interval: a site that
wants to be as sure as the network's own rule-out is asks for a little more.
"""

from dataclasses import dataclass, replace

from ..errors import EngineError, UsageError
from ..network.manifest import Manifest, OperatingPoint

KINDS = ("sensitivity", "specificity", "threshold")


@dataclass(frozen=True)
class Wish:
    """What a site asks of a point, such as `sensitivity=0.99`."""

    kind: str  #: one of KINDS
    value: float  #: 0 to 1

    def __str__(self) -> str:
        return f"{self.kind}={self.value:g}"

    @classmethod
    def parse(cls, text: str) -> "Wish":
        """`sensitivity=0.99`, `specificity=0.95`, `threshold=0.2`. Raises UsageError."""
        kind, _, value = text.replace(" ", "").partition("=")
        try:
            wish = cls(kind, float(value))
        except ValueError:
            wish = cls("", 0)
        if wish.kind not in KINDS or not 0 <= wish.value <= 1:
            raise UsageError(f"cannot read the operating point '{text}': write it like sensitivity=0.99, from 0 to 1")
        return wish


def with_points(manifest: Manifest, rule_out: Wish | None = None, rule_in: Wish | None = None) -> Manifest:
    """The manifest with a site's points in place of its own; None keeps one.

    Raises UsageError for a wish that the network cannot meet, or a rule-in below rule-out.
    """
    points = {"rule_out": manifest.rule_out, "rule_in": manifest.rule_in}
    for name, wish in (("rule_out", rule_out), ("rule_in", rule_in)):
        if wish is not None:
            points[name] = _find(manifest, wish)
    low, high = points["rule_out"], points["rule_in"]
    if high.threshold < low.threshold:
        raise UsageError(
            f"rule-in at {high.threshold:.4f} is below rule-out at {low.threshold:.4f}: ask for a lower "
            "sensitivity at rule-out or a higher specificity at rule-in"
        )
    return replace(manifest, rule_out=low, rule_in=high)


def table(manifest: Manifest) -> str:
    """What the points mean, in lines."""
    lines = ["            score  sensitivity (95 %)           specificity (95 %)"]
    for name, point, means in (
        ("rule-out", manifest.rule_out, "below: routine"),
        ("rule-in", manifest.rule_in, "from here: urgent"),
    ):
        rates = (
            _rate(point.sensitivity, point.sensitivity_interval),
            _rate(point.specificity, point.specificity_interval),
        )
        lines.append(f"{name:<10} {point.threshold:.4f}  {rates[0]:<27}  {rates[1]:<27}  {means}".rstrip())
    return "\n".join([*lines, "measured on out-of-fold films, when the network was made"])


def _rate(value: float, interval: tuple[float, float] | None) -> str:
    return f"{value:.4f}" + (f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")


def _curve(manifest: Manifest) -> list[tuple[float, float, float]]:
    return [(float(t), float(a), float(b)) for t, a, b in manifest.results.get("curve", ())]


def _find(manifest: Manifest, wish: Wish) -> OperatingPoint:
    curve = _curve(manifest)
    if wish.kind == "threshold":
        return _measured(round(wish.value, 4), curve)
    if not curve:
        raise EngineError(f"{manifest.label} has no table of its rates: give threshold=... or export it again")
    if wish.kind == "sensitivity":
        met = [row for row in curve if row[1] >= wish.value]
        best = max(met, default=None)
    else:
        met = [row for row in curve if row[2] >= wish.value]
        best = min(met, default=None)
    if best is None:
        raise UsageError(f"no threshold of {manifest.label} gives {wish.kind} {wish.value:g}: ask for less")
    return OperatingPoint(*best)


def _measured(threshold: float, curve: list[tuple[float, float, float]]) -> OperatingPoint:
    """Between two rows of the table the rates that are certain: those of the row on the worse side."""
    above = [row for row in curve if row[0] >= threshold]
    below = [row for row in curve if row[0] <= threshold]
    sensitivity = min(above)[1] if above else 0.0
    specificity = max(below)[2] if below else 0.0
    return OperatingPoint(threshold, sensitivity, specificity)
