"""What shapes a training run. Imports no Keras."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from xscan.engine.errors import UsageError

from .augment import Augmentation


@dataclass(frozen=True)
class Settings:
    """Everything that shapes a run. Raises UsageError for settings that cannot go together."""

    architecture: str = "seed"
    options: dict[str, Any] = field(default_factory=dict)  #: the architecture's own, as its function names them
    size: int = 0  #: side of the square input; 0 is the architecture's own
    epochs: int = 16
    batch_size: int = 32
    learning_rate: float = 1e-3  #: the peak of a one-cycle cosine schedule
    weight_decay: float = 1e-4
    warmup: float = 0.1  #: share of all steps
    label_smoothing: float = 0.05
    #: share of films of which a part is hidden (fit/hidden.py): cells of the class maps, 8 x 8 of a network without.
    #: Learned step by step, on a GPU too, with `precision` as on a CPU
    hidden: float = 0.0
    mixup: float = 0.0  #: Beta parameter of blending each film with another of its batch; 0 is off
    ema: float = 0.99  #: weight averaging a step
    #: share of the weights of `start_from` in those that are saved (Wortsman et al. 2022, "Robust fine-tuning")
    kept: float = 0.0
    validate: tuple[int, ...] = ()  #: folds scored after each epoch, not trained on
    hold_out: tuple[int, ...] = (9,)  #: folds touched once, when training is over
    #: of products on a CPU, float32 or bfloat16; weights and sums are float32 in both. A GPU always takes bfloat16.
    precision: str = "float32"
    seed: int = 0
    #: of which films batch normalisation's last statistics are: as they are changed in training (nothing is hidden), or
    #: as they are
    measure_changed: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    #: by most probable class of the target, the largest shares (below 1) of height and of width that are cut off before
    #: any other change; () cuts nothing
    trim: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if both := sorted(set(self.validate) & set(self.hold_out)):
            raise UsageError(
                f"fold {both[0]} is both validated and held out: name it in one of the two (--validate, --hold-out)"
            )
        for name, least in (("epochs", 1), ("batch_size", 1), ("size", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if not 0 <= self.hidden <= 1:
            raise UsageError(f"hidden is a share of films, from 0 to 1, not {self.hidden}")
        if not 0 <= self.kept < 1:
            raise UsageError(f"kept is a share of weights, from 0 to below 1, not {self.kept}")
        if not isfinite(self.learning_rate):
            raise UsageError(f"the learning rate must be a number, not {self.learning_rate}")
