"""The compiled parts; all else stands in pyproject.toml. Where there is no compiler, xscan installs without them and
works with OpenCV: the same numbers, more slowly (area.py, cmyk.py, look.py)."""

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


class WhatCanBeBuilt(build_ext):
    """`optional` forgives the compiler, but an editable install would still look for what it did not make."""

    def build_extensions(self) -> None:
        super().build_extensions()
        self.extensions = [e for e in self.extensions if Path(self.get_ext_fullpath(e.name)).exists()]


setup(
    ext_modules=[
        Extension(
            f"xscan.{module.replace('/', '.')}",
            [f"{module}.c"],
            extra_compile_args=[] if sys.platform == "win32" else ["-O3", "-fwrapv"],
            py_limited_api=True,  # one build for Python 3.11 and later (PEP 384)
            optional=True,
        )
        for module in ("engine/preprocess/_area", "engine/read/_cmyk", "engine/read/_jpeg", "engine/triage/_look")
    ],
    cmdclass={"build_ext": WhatCanBeBuilt},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
