"""How a film becomes a network input. Apart from preprocess/to_input.py, which needs cv2."""

from dataclasses import asdict, dataclass
from typing import Any

from ..errors import EngineError


@dataclass(frozen=True)
class InputSpec:
    """Stored in the model's manifest. Scaling and normalising are not here: they are the graph's first nodes."""

    height: int
    width: int
    resize: str = "area"  #: area averaging when shrinking, bilinear when enlarging; the whole film, squashed

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, spec: dict[str, Any]) -> "InputSpec":
        """Raise EngineError for a specification that this version of xscan does not know."""
        unknown = set(spec) - {"height", "width", "resize"}
        if unknown or spec.get("resize", "area") != "area":
            raise EngineError("the model asks for a preprocessing this xscan does not know: update xscan")
        return cls(height=int(spec["height"]), width=int(spec["width"]))
