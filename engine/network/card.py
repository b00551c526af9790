"""A network's model card by machine: CHAI's applied model card and the items of CLAIM 2024, from the manifest alone.

Coalition for Health AI, Applied Model Card (2025); Tejani et al., Checklist for Artificial Intelligence in Medical
Imaging, 2024 update, doi:10.1148/ryai.240300. An item that the manifest does not answer says so: nothing is made up.
"""

from typing import Any

from .manifest import Manifest, OperatingPoint
from .sidecar import Sidecar

UNSAID = "not stated in the manifest"


def card_of(manifest: Manifest, built: Sidecar | None = None) -> dict[str, Any]:
    """Section -> item -> text. built: of an engine, what it was built for and what it lost."""
    data, results, gate = manifest.data, manifest.results, manifest.gate
    ages = gate.get("ages")
    folds = data.get("trained_folds")
    measured = gate.get("measured", {})
    card: dict[str, Any] = {
        "format": "xscan model card 1",
        "CHAI": {
            "name": manifest.name,
            "developer": UNSAID,
            "version": manifest.version,
            "intended use and workflow": manifest.intended_use,
            "primary users": "radiologists, who read every film; those who run the clinic's PC",
            "targeted population": f"children of {ages[0]:g} to {ages[1]:g} years" if ages else UNSAID,
            "cautioned out-of-scope": _out_of_scope(manifest),
            "outputs": f"probabilities of {', '.join(manifest.classes)}; a place in the reading list; no diagnosis",
            "input": f"one grey film, squashed to {manifest.input.width} x {manifest.input.height} pixels",
            "known risks and limitations": "films from elsewhere are scored worse: accept it on site (xscan accept)",
            "bias mitigation": UNSAID,
            "development data": _data(data),
            "ongoing maintenance": "drift and failures by xscan monitor; changes by xscan engine use, in the audit log",
            "security": "reads files, sends nothing; its file's sha256 stands in every run report",
            "key metrics": [_point("rule-out", manifest.rule_out), _point("rule-in", manifest.rule_in)],
            "funding": UNSAID,
        },
        "CLAIM 2024": {
            "1-2 title, abstract": f"{manifest.label}: triage of chest radiographs",
            "3-4 background, objectives": manifest.intended_use,
            "5-6 study design": "out-of-fold scores of the training set; see the points" if results else UNSAID,
            "7 data sources": _data(data),
            "8 inclusion and exclusion": _out_of_scope(manifest),
            "9 preprocessing": f"whole film, area averaging, {manifest.input.width} x {manifest.input.height}, grey",
            "10 selection of subsets": f"folds {', '.join(map(str, folds))} trained on" if folds else UNSAID,
            "11 de-identification": UNSAID,
            "12 missing data": UNSAID,
            "13 image acquisition": UNSAID,
            "14-18 reference standard": UNSAID,
            "19 sample size": f"{data.get('out_of_fold_films', UNSAID)} (films, out of fold)",
            "20-21 partitions, level": f"fingerprint of the set {data.get('fingerprint', UNSAID)[:16]}; by patient",
            "22-24 model, software, initialisation": f"ONNX; classes {', '.join(manifest.classes)}",
            "25-27 training, selection, ensembling": UNSAID,
            "28 performance metrics": "sensitivity and specificity at both points, by patients",
            "29 uncertainty": "95 % intervals" if manifest.rule_out.sensitivity_interval else UNSAID,
            "30 robustness": f"share of bad films that its gate flags: {_flagged(measured)}" if measured else UNSAID,
            "31 explainability": UNSAID,
            "32 internal test": [_point("rule-out", manifest.rule_out), _point("rule-in", manifest.rule_in)],
            "33 external test": UNSAID,
            "34-36 data flow, demographics": UNSAID,
            "37-39 performance, failure analysis": _gate_bands(measured),
            "40-42 limitations, implications": "a physician reads every film; no doubt is no proof",
            "43-44 registration, protocol, availability": "weights in the package or the file at hand",
        },
    }  # fmt: skip
    if built is not None:
        card["engine"] = {
            "runtime": built.runtime,
            "precision": built.precision,
            "built for": built.built_for.gpu or "any machine",
            "calibration": built.calibration or UNSAID,
            "accepted against float32": built.gate.get("accepted"),
        }
    return card


def as_markdown(card: dict[str, Any]) -> str:
    """The card as Markdown: a table a section."""
    lines = [f"# Model card: {card['CHAI']['name']}@{card['CHAI']['version']}"]
    for section, items in card.items():
        if not isinstance(items, dict):
            continue
        lines += ["", f"## {section}", "", "| item | |", "|---|---|"]
        for item, text in items.items():
            shown = "; ".join(text) if isinstance(text, list) else str(text)
            lines.append(f"| {item} | {shown.replace('|', '/')} |")
    return "\n".join(lines)


def _data(data: dict[str, Any]) -> str:
    if not data.get("fingerprint"):
        return UNSAID
    return f"set {data['fingerprint'][:16]}, folds {', '.join(map(str, data.get('trained_folds', ()))) or '?'}"


def _out_of_scope(manifest: Manifest) -> str:
    scope = [f"films whose shorter side has under {manifest.smallest_side} pixels"]
    if ages := manifest.gate.get("ages"):
        scope.append(f"ages outside {ages[0]:g} to {ages[1]:g} years (for review)")
    codes = dict.fromkeys(rule["code"] for rule in manifest.gate.get("scores", ()))
    return "; ".join(scope + ([f"for review: {', '.join(codes)}"] if codes else []))


def _point(name: str, point: OperatingPoint) -> str:
    def rate(value: float, interval: tuple[float, float] | None) -> str:
        return f"{value:.4f}" + (f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")

    return (
        f"{name} at {point.threshold:.4f}: sensitivity {rate(point.sensitivity, point.sensitivity_interval)}, "
        f"specificity {rate(point.specificity, point.specificity_interval)}"
    )


def _flagged(measured: dict[str, Any]) -> str:
    kinds = measured.get("kinds", {})
    return ", ".join(f"{kind} {found['flagged']:.3f}" for kind, found in kinds.items() if "flagged" in found) or UNSAID


def _gate_bands(measured: dict[str, Any]) -> str:
    bands = measured.get("bands", {})
    told = [f"{band}: {n.get('normal', 0)} normal, {n.get('pneumonia', 0)} pneumonia" for band, n in bands.items()]
    return "; ".join(told) or UNSAID
