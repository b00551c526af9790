"""Missing extras are found before work begins, and named with the line that installs them here."""

import os
import sys
from pathlib import Path

import pytest

from xscan.engine.machine.install import EXTRAS, install_line

from ..conftest import ROOT, Xscan

HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        (("fit-gate", "compact", "d", "a", "--out", "o.onnx"), "train"),
        (("data", "describe", "d"), "train"),
        (("train", "d", "--out", "r"), "train"),
        (("export", "r", "--data", "d"), "train"),
        (("evaluate", "r/final.keras", "d"), "train"),
        (("compare", "compact", "r/final.keras", "d"), "train"),
        (("evaluate", "compact", "d", "--html", "p.html"), "plots"),
        (("explain", "compact", "d", "--out", "o"), "plots"),
        (("batch", "d", "--format", "parquet"), "parquet"),
        (("listen", "--store", "films"), "pacs"),
        (("archive", "d", "--out", "p"), "ray"),
    ],
)
def test_a_plain_install_names_the_extra_and_writes_nothing(
    xscan: Xscan, tmp_path: Path, line: tuple[str, ...], extra: str
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDE.format(hidden=set(EXTRAS)))
    work = tmp_path / "work"
    (work / "d").mkdir(parents=True)
    done = xscan(*line, cwd=work, env=os.environ | {"PYTHONPATH": str(hidden)})
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"{sys.executable} -m pip install 'xscan[{extra}" in done.stderr.replace('"', "'")
    assert sorted(p.name for p in work.iterdir()) == ["d"]


def test_every_extra_that_is_named_exists() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS.values()) <= set(project["optional-dependencies"])
    assert "xscan[plots,train]" in install_line("matplotlib", "keras")
