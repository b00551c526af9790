"""Films that a network was trained on are left out of every figure, or the figure says so."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xscan.engine.dataset.films import DataSet
from xscan.engine.dataset.trained_on import TrainedOn, trained_on
from xscan.engine.errors import DataSetError

from .network import Network


@dataclass(frozen=True)
class Seen:
    """Of the chosen films, those that a network was trained on, and other films of the same patients."""

    left_out: int
    kept: int  #: measured on all the same
    known: bool  #: False: what the network was trained on is not on record here

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def notes(self) -> list[str]:
        """For people; none where no film was trained on."""
        notes = []
        if self.kept:
            notes.append(f"WARNING: the network was trained on {self.kept} of these films: no figures of new films.")
        if self.left_out:
            notes.append(f"Left out: {self.left_out} films of patients that the network was trained on.")
        if not self.known:
            notes.append("Not on record here: which films the network was trained on. Of those, these are no figures.")
        return notes


def unseen(networks: Sequence[Network], whole: DataSet, chosen: DataSet, trained_too: bool) -> tuple[DataSet, Seen]:
    """The chosen films that no network was trained on; with `trained_too` all of them.

    whole: the set that they were chosen from. Raises DataSetError when none is left.
    """
    found = TrainedOn(np.zeros(len(chosen.films), bool), known=True)
    for network in networks:
        found |= trained_on(chosen, whole.fingerprint, network.trained, network.folder)
    number = int(found.films.sum())
    if not number or trained_too:
        return chosen, Seen(0, number, found.known)
    if number == len(chosen.films):
        raise DataSetError(
            f"the network was trained on all {number} films chosen, so no figure of them says how it does on new ones: "
            "choose others (--fold 9 where that fold was held out), or give --trained-too"
        )
    films = tuple(film for film, was in zip(chosen.films, found.films, strict=True) if not was)
    return DataSet(films, chosen.fingerprint), Seen(number, 0, found.known)
