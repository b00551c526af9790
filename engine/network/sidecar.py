"""NAME.engine.json: what an engine is, what it was built for, and proof that it is the one that was built.

NAME.engine        a TensorRT plan, or for ONNX Runtime the quantised ONNX
NAME.engine.json   this
NAME.engine.onnx   the graph that the engine was made from: with it the engine can be built again, here
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..disk.overwrite import made_here, start_of
from ..disk.replace import replace_bytes
from ..errors import EngineError, OutputError
from . import rules
from .manifest import KEY, Manifest

FORMAT = 1
LARGEST = (1 << 31) - 1  #: bytes of a network: protobuf holds no more
SUFFIX = ".engine"
ON_GRAPH = "onnxruntime"  #: `gate.measured_on` of a verdict on the graph, which no GPU has run
NOT_MEASURED = {"accepted": None, "measured_on": "nothing"}  #: `gate` of what no film was shown to
RUNTIMES = ("tensorrt", "tensorrt-rtx", "ort-rtx", "onnxruntime")


@dataclass(frozen=True)
class Profile:
    """Batch sizes of a TensorRT plan: it runs every size from the least to the most, best at `best`."""

    least: int = 1
    best: int = 8
    most: int = 32


@dataclass(frozen=True)
class BuiltFor:
    """The machine of a plan; empty for ONNX Runtime, whose engines run anywhere."""

    gpu: str = ""
    compute_capability: str = ""  #: for example 8.6
    driver: str = ""  #: the CUDA version that the driver supports, for example 13.0
    portable: bool = False  #: also for later GPUs and later runtimes
    system: str = ""  #: Linux or Windows: a plan runs on no other


@dataclass(frozen=True)
class Sidecar:
    manifest: Manifest
    runtime: str
    runtime_version: str
    precision: str  #: fp32, fp16, int8
    sha256: dict[str, str]  #: of `engine`, `onnx`, `source` (the network built from) and `calibration`
    profile: Profile = field(default_factory=Profile)
    built_for: BuiltFor = field(default_factory=BuiltFor)
    layers: dict[str, str] = field(default_factory=dict)  #: layer -> precision
    calibration: dict[str, Any] = field(default_factory=dict)  #: films, method, seconds
    #: The acceptance table and what it was `measured_on`; `graph`, its table, where that is a plan's; `plan`, a plan's
    #: agreement with its graph, where no film was at hand; `forced` when written although refused.
    gate: dict[str, Any] = field(default_factory=dict)
    compiled: dict[str, str] = field(default_factory=dict)  #: layer as TensorRT made it -> type of its output

    def to_json(self) -> str:
        content = asdict(self) | {"format": FORMAT, "manifest": json.loads(self.manifest.to_json())}
        return json.dumps(content, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Sidecar":
        """Raises EngineError for a sidecar that is damaged or of a later format."""
        try:
            content = json.loads(text)
            if content.pop("format") != FORMAT:
                raise EngineError("the engine was built by another version of xscan: build it again")
            if content["runtime"] not in RUNTIMES or not {"engine", "onnx"} <= set(content["sha256"]):
                raise ValueError
            rules.sidecar(content)
            content["manifest"] = Manifest.from_json(json.dumps(content["manifest"]))
            content["profile"] = Profile(**content["profile"])
            content["built_for"] = BuiltFor(**content["built_for"])
            sidecar = cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise EngineError("the engine's .json is damaged: build the engine again") from None
        return sidecar


def sidecar_path(engine: Path) -> Path:
    return engine.with_name(engine.name + ".json")


def onnx_path(engine: Path) -> Path:
    return engine.with_name(engine.name + ".onnx")


def read_sidecar(engine: Path) -> Sidecar:
    """Raises EngineError when there is none, or it is damaged."""
    path = sidecar_path(engine)
    if not path.is_file():
        raise EngineError(f"{engine.name} has no {path.name} beside it: what it is and who built it is unknown")
    try:
        return Sidecar.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise EngineError(f"{path.name} cannot be read: build the engine again") from None


def read_proven(engine: Path, sidecar: Sidecar) -> bytes:
    """The engine's bytes, if they are those that were built.

    Loading a plan runs code that is in it, so bytes of unknown origin are never handed to a runtime; and what
    is checked is what is loaded: the file is read once. Raises EngineError.
    """
    return _read(engine, sidecar.sha256["engine"])


def read_source(engine: Path, sidecar: Sidecar) -> bytes:
    """The bytes of NAME.engine.onnx, if they are those that the engine was built from. Raises EngineError."""
    return _read(onnx_path(engine), sidecar.sha256["onnx"])


def write_engine(engine: Path, content: bytes, onnx: bytes, sidecar: Sidecar) -> None:
    """Write the three files; the engine itself last, each whole or not at all. Raises OutputError, StorageError."""
    checks = {engine: require_network, onnx_path(engine): require_network, sidecar_path(engine): _require_sidecar}
    for path, check in checks.items():  # all three before the first is written
        check(path)
    replace_bytes(onnx_path(engine), onnx, require_network)
    replace_bytes(sidecar_path(engine), sidecar.to_json().encode(), _require_sidecar)
    replace_bytes(engine, content, require_network)


_require_sidecar = made_here("engine's sidecar", b'{\n "built_for"')


def require_network(path: Path) -> None:
    """Raise OutputError if something else than a network, or an engine with its sidecar, stands at `path`."""
    if not start_of(path) or sidecar_path(path).is_file():
        return
    content = path.read_bytes()
    if not (content.startswith(b"\x08") and KEY.encode() in content):  # as ONNX begins: field 1, ir_version
        raise OutputError(f"{path} exists and is no network of xscan: give another --out, or delete it")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_whole(path: Path) -> bytes:
    """The bytes of a network or engine. Raises EngineError: unreadable, no plain file, or larger than any network."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            raise OSError
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError:
        raise EngineError(f"{path.name} cannot be read: build the engine again") from None
    if len(content) > LARGEST:
        raise EngineError(f"{path.name} is larger than {LARGEST >> 30} GB: that is no network of xscan")
    return content


def _read(path: Path, expected: str) -> bytes:
    content = read_whole(path)
    if sha256(content) != expected:
        raise EngineError(f"{path.name} is not the file that was built: use --rebuild, or build the engine again")
    return content


def is_built(path: Path) -> bool:
    """Is it an engine that build-engine made, rather than a plain network?"""
    return path.name.endswith(SUFFIX) or sidecar_path(path).is_file()
