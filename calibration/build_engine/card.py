"""What this machine's GPU makes of a candidate: its plan is opened, judged and timed before anything is written.

A plan may differ from its graph (TensorRT #4079: 2.3 % of classes; #2103), and INT8 may be slower than FP16 (#3197).
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from xscan.engine.machine.gpu import probe
from xscan.engine.network.sidecar import Sidecar
from xscan.engine.runtime.agreement import Agreement, agreement
from xscan.engine.runtime.bench import measure
from xscan.engine.runtime.engines import tried
from xscan.engine.runtime.protocol import Inspected, Runtime

from .accept import Measured, Refused, judged
from .emit import Candidate
from .plan import Plan
from .settings import Say

ROUNDS = 2  #: that two plans are opened and timed in, alternately: a card's clock goes up and down
SECONDS = 3.0  #: at most, of one timing


@dataclass(frozen=True)
class Made:
    """A candidate as it would be written."""

    candidate: Candidate
    engine: bytes
    sidecar: Sidecar
    agreement: Agreement | None = None  #: of this engine with its graph on phantoms, where no film was at hand

    def with_record(self, **found: Any) -> "Made":
        """With more that is known of it in the sidecar's `gate`."""
        return replace(self, sidecar=replace(self.sidecar, gate=self.sidecar.gate | found))


class Card:
    """Opens engines that are written nowhere yet. folder: empty, for what runtimes keep meanwhile, such as kernels."""

    def __init__(self, plan: Plan, folder: Path, say: Say) -> None:
        self._plan, self._folder, self._say = plan, folder, say

    @property
    def present(self) -> bool:
        """Can the engine that is built be opened here, on a GPU?"""
        return not self._plan.on_cpu and probe() is not None

    def prove(self, made: Made, reference: bytes, measured: Measured | None) -> Made:
        """The engine with what it was found to be worth, opened here. Raises Refused, EngineError.

        reference: ONNX that it must agree with on phantoms, where no film is at hand: `measured` is None.
        """
        self._say.progress("trying the engine", 0, 1)
        with self._opened(made) as runtime:
            compiled = runtime.layer_table() if isinstance(runtime, Inspected) else {}
            made = replace(made, sidecar=replace(made.sidecar, compiled=compiled))
            if measured is not None:
                return self._judged(made, runtime, measured)
            found = agreement(runtime, self._plan.settings.out, reference)
        made = replace(made, agreement=found).with_record(plan=found.as_dict())
        if found.agrees:
            return made
        return self._refused(made, f"it does not give what its graph gives ({found.as_text()})")

    def speed_ratio(self, reference: Made, candidate: Made) -> float:
        """Median time of a batch of the reference's over that of the candidate's, on this machine's GPU."""
        times: dict[str, list[float]] = {}
        for number in range(ROUNDS):
            for step, made in enumerate((reference, candidate)):
                self._say.progress("timing", 2 * number + step, 2 * ROUNDS)
                with self._opened(made) as runtime:  # one at a time: a thread has one CUDA context pushed
                    rate = measure(runtime, self._plan.profile.best, SECONDS)
                times.setdefault(made.candidate.precision, []).append(rate.p50_ms)
        return median(times[reference.candidate.precision]) / median(times[candidate.candidate.precision])

    def _opened(self, made: Made) -> AbstractContextManager[Runtime]:
        folder = self._folder / made.candidate.precision
        folder.mkdir(exist_ok=True)
        return tried(self._plan.settings.out.name, made.sidecar, made.engine, folder)

    def _judged(self, made: Made, runtime: Runtime, measured: Measured) -> Made:
        verdict = judged(self._plan, measured, runtime.outputs(measured.pictures.pixels))
        earlier = made.candidate.record
        record = verdict.as_dict() | {"measured_on": runtime.description}
        if made.candidate.verdict is not None:
            record |= {"graph": {key: value for key, value in earlier.items() if key != "forced"}}
        if "forced" in earlier:
            record |= {"forced": True}
        made = replace(
            made, candidate=replace(made.candidate, verdict=verdict), sidecar=replace(made.sidecar, gate=record)
        )
        if not verdict.refused:
            return made
        return self._refused(made, f"{', '.join(verdict.broken)} surely over the limit on {runtime.description}")

    def _refused(self, made: Made, why: str) -> Made:
        """What --force lets pass, marked. Raises Refused."""
        precision = made.candidate.precision
        if not self._plan.settings.force:
            verdict = made.candidate.verdict if made.agreement is None else None
            raise Refused(f"{precision} refused: {why}", verdict, None)
        self._say.warn(f"{precision} is written all the same, as --force asks: {why}")
        return made.with_record(accepted=False, forced=True)
