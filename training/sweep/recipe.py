"""A sweep's recipe: a TOML file of named networks, and the epochs that each may spend."""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from xscan.engine.dataset.parts import FOLD_OF
from xscan.engine.errors import UsageError

from ..architectures.registry import architecture
from ..fit.settings import Settings

LIMITS = {"epochs": 18, "reduction": 3, "reference": ""}  #: with their defaults
LEAST_EPOCHS = 2  #: after one, a ranking says little more than who began fastest


@dataclass(frozen=True)
class Recipe:
    name: str
    networks: dict[str, Settings]  #: in the file's order; each with all epochs
    rungs: tuple[int, ...]  #: epochs after which networks are ranked, the last being all
    reduction: int
    reference: str  #: a network that is never dropped, or none

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def with_parts(self) -> "Recipe":
        """The same for a data set in parts: chosen on `validate`, measured on `test`."""
        own = {"validate": (FOLD_OF["validate"],), "hold_out": (FOLD_OF["test"],)}
        return replace(self, networks={name: replace(settings, **own) for name, settings in self.networks.items()})


def read_recipe(text: str, *, epochs: int = 0, size: int = 0, only: Sequence[str] = ()) -> Recipe:
    """Read a recipe: a path, or the name of one that comes with xscan.

    epochs, size: in place of the recipe's; only: these networks and no other.
    Raises UsageError for a file that cannot be read, and for a name, option or value that means nothing.
    """
    name, content = _content(text)
    unknown = set(content) - {*LIMITS, "settings", "networks"}
    if unknown:
        raise UsageError(f"{name}: unknown key '{min(unknown)}': a recipe has {', '.join(LIMITS)}, settings, networks")
    limits = LIMITS | {key: content[key] for key in LIMITS if key in content}
    if not all(isinstance(limits[key], type(default)) for key, default in LIMITS.items()) or limits["reduction"] < 2:
        raise UsageError(f"{name}: epochs and reduction are whole numbers (reduction at least 2), reference is a name")
    epochs = epochs or limits["epochs"]
    common = _settings(name, "settings", Settings(epochs=epochs), content.get("settings", {}))
    networks = {
        key: _settings(name, key, replace(common, size=size or common.size), value)
        for key, value in content.get("networks", {}).items()
    }
    if not networks:
        raise UsageError(f'{name} has no [networks]: name at least one, as in small = {{ architecture = "seed" }}')
    for wanted in (*only, *filter(None, [limits["reference"]])):
        if wanted not in networks:
            raise UsageError(f"{name} has no network '{wanted}': it has {', '.join(networks)}")
    if only:
        networks = {key: value for key, value in networks.items() if key in only}
    reference = limits["reference"] if limits["reference"] in networks else ""
    return Recipe(name, networks, rungs(epochs, limits["reduction"]), limits["reduction"], reference)


def rungs(epochs: int, reduction: int) -> tuple[int, ...]:
    """Successive halving (Jamieson and Talwalkar 2016): epochs, a `reduction`-th of them, and so on, least first."""
    found = [epochs]
    while found[0] // reduction >= LEAST_EPOCHS:
        found.insert(0, found[0] // reduction)
    return tuple(found)


def _content(text: str) -> tuple[str, dict[str, Any]]:
    path = Path(text)
    shipped = files("xscan.training.recipes") / f"{text}.toml"
    source = path if path.is_file() else shipped if shipped.is_file() else None
    if source is None:
        raise UsageError(f"no recipe {text}: give a TOML file, or 'study'")
    try:
        return path.stem, tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it cannot be read"
        raise UsageError(f"the recipe {text} is not TOML: {where}") from None


def _settings(recipe: str, name: str, start: Settings, values: Any) -> Settings:
    """`start` with the values of one line: its own settings, and the architecture's options."""
    if not isinstance(values, dict):
        raise UsageError(f"{recipe}: '{name}' must be a table, as in {name} = {{ architecture = \"seed\" }}")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise UsageError(f"{recipe}: the name '{name}' may hold letters, digits, - and _ only: it becomes a folder")
    own = {f.name for f in fields(Settings)} - {"options", "augmentation", "trim", "epochs"}
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items() if key in own}
    for key, value in given.items():
        wanted = type(getattr(start, key))
        if not isinstance(value, wanted) and not (wanted is float and type(value) is int):
            raise UsageError(f"{recipe}: '{key}' of '{name}' must be of the kind of {getattr(start, key)!r}")
    options = {key: value for key, value in values.items() if key not in own}
    settings = replace(start, **given, options=options)
    if name == "settings" and options:
        raise UsageError(f"{recipe}: [settings] has no '{min(options)}': it takes {', '.join(sorted(own))}")
    try:
        architecture(settings.architecture).check(options)
    except UsageError as error:
        raise UsageError(f"{recipe}, network '{name}': {error}") from None
    return settings
