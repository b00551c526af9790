"""Which engine a batch takes: the one that is named, else the one that build-engine made here, else a shipped network.

An engine that nobody named must be beyond doubt: of the network that would run without it, for this machine, accepted
on radiographs, and whole. Where it is not, the network itself runs, and why is said.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import EngineError, UsageError
from ..network.models import DEFAULT
from ..network.sidecar import SUFFIX, is_built, read_proven, read_sidecar, read_whole, sha256
from .fits import doubts, why_not_here
from .in_use import uses
from .open import find_engine

BUILT, SHIPPED = "build-engine", "default"  #: Choice.by, where nobody named an engine
USED = "engine use"  #: by `xscan engine use`: for this machine, not for a list


@dataclass(frozen=True)
class Choice:
    path: Path
    by: str  #: what named it (`--engine`, `xscan.toml`), else `build-engine` or `default`
    passed_over: str = ""  #: why the engine that was built here does not run, where there is one

    @property
    def named(self) -> bool:
        return self.by not in (BUILT, SHIPPED, USED)

    def as_dict(self) -> dict[str, Any]:
        """Name, runtime, precision and who chose it, for reports. Raises EngineError."""
        found = {"name": self.path.name, "runtime": "onnxruntime", "precision": "fp32"}
        if is_built(self.path):
            sidecar = read_sidecar(self.path)
            found |= {"runtime": sidecar.runtime, "precision": sidecar.precision}
        return found | {"chosen_by": self.by}


def engines_folder() -> Path:
    """Where build-engine keeps this machine's engines: of this user, and never carried along to another machine."""
    from platformdirs import user_data_path

    return user_data_path("xscan", appauthor=False, roaming=False) / "engines"


def make_folder(folder: Path) -> None:
    """Make the folder for engines, which others may not write to. Raises EngineError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise EngineError(f"cannot make the folder {folder}: name another place with --out") from None


def place_of(network: str) -> Path:
    """Where the engine of a network is built when no other place is named."""
    return engines_folder() / (network + SUFFIX)


def choose(named: str = "", by: str = "--engine") -> Choice:
    """named: a file or the name of a shipped network, or nothing; by: what named it. Raises EngineError."""
    if named:
        return Choice(find_engine(named), by)
    chosen, why = _in_use()
    if chosen is not None:
        return Choice(chosen, USED)
    choice = _by_itself()
    return replace(choice, passed_over=why) if why else choice


def _in_use() -> tuple[Path | None, str]:
    """The engine that `xscan engine use` chose, or why it is not used. Raises EngineError for a damaged note of it."""
    changes = uses(engines_folder())
    if not changes or not changes[-1].engine:
        return None, ""
    last = changes[-1]
    try:
        path = find_engine(last.engine)
        if sha256(read_whole(path)) == last.sha256:
            return path, ""
        why = "is not the file that was chosen any more"
    except (EngineError, UsageError):
        why = "is not there"
    return None, f"{Path(last.engine).name}, chosen by xscan engine use, is not used: it {why}"


def _by_itself() -> Choice:
    network, built = find_engine(DEFAULT), place_of(DEFAULT)
    if not built.is_file():
        return Choice(network, SHIPPED)
    if why := _why_not(built, network):
        return Choice(network, SHIPPED, f"{built.name}, built here, is not used: it {why}")
    return Choice(built, BUILT)


def _why_not(built: Path, network: Path) -> str:
    """What speaks against an engine that nobody named, as the rest of a sentence; empty if nothing does."""
    try:
        sidecar = read_sidecar(built)
        if sidecar.sha256.get("source") != sha256(read_whole(network)):
            return "is of another network than this xscan brings: build it again with xscan build-engine"
        if reason := why_not_here(sidecar):
            return reason
        if sidecar.precision != "fp32" and not sidecar.gate.get("accepted"):
            return "was not accepted on radiographs: name it with --engine to use it all the same"
        read_proven(built, sidecar)
        found = doubts(built)
    except EngineError as error:
        return f"cannot be used ({error})"
    return f"is in doubt ({found[0]})" if found else ""
