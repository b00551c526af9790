"""The networks, each a short function from (height, width) and its options to a Keras model.

New ones are added here only: a function in a module of this package and a line in ARCHITECTURES.

Every model takes uint8 [batch, height, width, 1] (dark = air) and returns logits float32 [batch, 3] in the
order of xscan.engine.CLASSES, or a dict {"logits", "maps"} where it has class maps. Scaling is the model's
first layer, so that nobody can normalise differently. Softmax belongs to the loss and to the runtime, and has
no parameters.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from xscan.engine.errors import UsageError

from .classics import alexnet, lenet5, vgg16
from .compact import compact
from .fused import FusedBatchNormalization, fused_layers
from .lite import lite_c4
from .mobile import mobilenet, squeezenet
from .seed import seed

__all__ = ["ARCHITECTURES", "Architecture", "FusedBatchNormalization", "architecture", "fused_layers"]


@dataclass(frozen=True)
class Architecture:
    function: Callable[..., keras.Model]  #: (height, width, **options); its keywords are the options
    size: int  #: the side of its square input
    source: str

    @property
    def name(self) -> str:
        return self.function.__name__

    def check(self, options: Mapping[str, Any]) -> None:
        """Raises UsageError for an option that the network does not have, or of another type than its default."""
        known = {
            p.name: p.default for p in inspect.signature(self.function).parameters.values() if p.kind is p.KEYWORD_ONLY
        }
        for name, value in options.items():
            if name not in known:
                raise UsageError(f"'{self.name}' has no option '{name}': it takes {', '.join(known)}")
            wanted = type(known[name])
            fits = _is_list(value, known[name]) if wanted is tuple else isinstance(value, wanted)
            if not fits and not (wanted is float and type(value) is int):
                kind = "a list" if wanted is tuple else wanted.__name__
                raise UsageError(
                    f"the option '{name}' of '{self.name}' must be {kind}, as in {name} = {_toml(known[name])}"
                )

    def build(self, height: int, width: int, options: Mapping[str, Any] | None = None) -> keras.Model:
        """Raises UsageError for options it does not have and an input that is too small for its layers."""
        options = options or {}
        self.check(options)
        try:
            return self.function(height, width, **options)
        except (ValueError, TypeError, IndexError):  # Keras's own, for a layer without an output; an empty list
            raise UsageError(
                f"'{self.name}' cannot be built for {height} x {width} inputs"
                + (f" with {', '.join(f'{k} = {_toml(v)}' for k, v in options.items())}" if options else "")
                + ": choose a larger --size or other options"
            ) from None


def _is_list(value: Any, like: tuple[Any, ...]) -> bool:
    """A list of what `like` holds; of anything where that is empty."""
    return isinstance(value, list | tuple) and (not like or all(type(v) is type(like[0]) for v in value))


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


ARCHITECTURES = {
    a.name: a
    for a in (
        Architecture(seed, 256, "Model_4 of the seed study"),
        Architecture(lenet5, 256, "LeCun et al. 1998"),
        Architecture(alexnet, 256, "Krizhevsky et al. 2012"),
        Architecture(vgg16, 256, "Simonyan and Zisserman 2014, configuration D"),
        Architecture(compact, 160, "residual (He et al. 2016) with class maps (Zhou et al. 2016)"),
        Architecture(lite_c4, 128, "the front of EfficientNet-Lite0 (after Tan and Le 2019) with class maps"),
        Architecture(squeezenet, 160, "Iandola et al. 2016, version 1.1"),
        Architecture(mobilenet, 160, "Howard et al. 2017"),
    )
}


def architecture(name: str) -> Architecture:
    """Raises UsageError with the list of names."""
    if name not in ARCHITECTURES:
        raise UsageError(f"no architecture '{name}': choose one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
