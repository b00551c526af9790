"""What a scored film's row says: one rule for the batch and for whoever looks at one film."""

from ..lists.table import Row
from ..network.manifest import Manifest
from ..triage.bands import Place, placed


def fill(row: Row, verdict: Place, found: tuple[str, str] | None, manifest: Manifest) -> None:
    """Set probabilities, finding, priority and, where the model may not decide, status and reason.

    found: a doubt's code and sentence, or None.
    """
    row.p_normal, row.p_bacteria, row.p_virus = (f"{x:.4f}" for x in verdict.probabilities)
    row.p_pneumonia = f"{verdict.p_pneumonia:.4f}"
    row.finding, row.model = verdict.finding, manifest.label
    row.priority = placed(verdict.priority, doubtful=found is not None).value
    if found:  # scored, but the model may not decide
        row.status, row.reason = "review", f"{found[0]}: {found[1]}"
