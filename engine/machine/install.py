"""Optional packages: which extra of xscan brings each, and the line that installs it into this very environment."""

import os
import shlex
import subprocess
import sys
from importlib.util import find_spec

from ..errors import UsageError

#: Module -> the extra that brings it (pyproject.toml).
EXTRAS = {
    "keras": "train",
    "tensorflow": "train",
    "tf2onnx": "train",
    "sklearn": "train",
    "torch": "train-torch",
    "matplotlib": "plots",
    "pyarrow": "parquet",
    "ray": "ray",
    "botocore": "s3",
    "pynetdicom": "pacs",
    "dicomweb_client": "pacs",
    "highdicom": "pacs",
    "tensorrt": "tensorrt",
    "tensorrt_rtx": "rtx",
}


def install_line(*modules: str) -> str:
    """`/path/to/python -m pip install 'xscan[train]'`, for the shell of this system."""
    extras = ",".join(dict.fromkeys(EXTRAS.get(module, "train") for module in modules))
    return pip_line(f"xscan[{extras}]")


def pip_line(*words: str) -> str:
    """`/path/to/python -m pip install WORDS`, quoted for the shell of this system."""
    return shell_line(sys.executable, "-m", "pip", "install", *words)


def shell_line(*words: str) -> str:
    """A command line to paste, quoted for the shell of this system."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def require(*modules: str) -> None:
    """Raise UsageError with the line that installs what is missing; called before any work."""
    missing = [module for module in modules if not _is_here(module)]
    if missing:
        raise UsageError(f"this needs {' and '.join(missing)}: {install_line(*missing)}")


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):
        return False
