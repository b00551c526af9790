"""Which of two graphs is quicker here."""

import os
import time

import numpy as np
import onnx

from ..graphs.run import session


def speed_ratio(reference: onnx.ModelProto, candidate: onnx.ModelProto, batch: np.ndarray, rounds: int = 15) -> float:
    """Median time of the reference over that of the candidate, one core, timed alternately.

    Time that other programs take is left out where the system can tell (Windows counts in steps of 15 ms).
    """
    clock = time.thread_time if os.name == "posix" else time.perf_counter
    sessions = [session(reference), session(candidate)]
    times: list[list[float]] = [[], []]
    for number in range(rounds + 2):
        for run, kept in zip(sessions, times, strict=True):
            started = clock()
            run.run(["logits"], {run.get_inputs()[0].name: batch})
            if number >= 2:  # the first rounds warm up
                kept.append(clock() - started)
    return float(np.median(times[0]) / np.median(times[1]))
