"""The one compiled part; all else stands in pyproject.toml. Where there is no compiler, xscan installs without it and
averages with OpenCV's sums: the same numbers, more slowly (engine/area.py)."""

import sys

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "xscan.engine._area",
            ["engine/_area.c"],
            extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
            py_limited_api=True,  # one build for Python 3.11 and later (PEP 384)
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
