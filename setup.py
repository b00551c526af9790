"""The compiled parts, and the README as a package page shows it; all else stands in pyproject.toml.

Where there is no compiler, xscan installs without the compiled parts and works with OpenCV: the same numbers, more
slowly (area.py, cmyk.py, line.py, look.py).
"""

import re
import sys
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext


class WhatCanBeBuilt(build_ext):
    """`optional` forgives the compiler, but an editable install would still look for what it did not make."""

    def build_extensions(self) -> None:
        super().build_extensions()
        self.extensions = [e for e in self.extensions if Path(self.get_ext_fullpath(e.name)).exists()]


def package_page(text: str, home: str, version: str) -> str:
    """README.md away from its repository: links to files lead to `home`; without one they are words, no pictures."""

    def link(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        if re.match(r"#|[a-z]+:", target):
            return match[0]
        if home:  # the places of files in GitHub, and GitLab sends on from them
            return f"{picture}[{words}]({home}/{'raw' if picture else 'blob'}/v{version}/{target})"
        return "" if picture else words

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", link, text)


def metadata() -> dict[str, object]:
    """The page and the project's addresses, which all come from one setting: [tool.xscan] home in pyproject.toml."""
    root = Path(__file__).resolve().parent
    told = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    home = told["tool"]["xscan"]["home"].rstrip("/")
    text = (root / "README.md").read_text(encoding="utf-8")
    return {
        "long_description": package_page(text, home, told["project"]["version"]),
        "long_description_content_type": "text/markdown",
        "project_urls": {"Source": home} if home else {},
    }


if __name__ == "__main__":
    setup(
        **metadata(),
        ext_modules=[
            Extension(
                f"xscan.{module.replace('/', '.')}",
                [f"{module}.c"],
                extra_compile_args=[] if sys.platform == "win32" else ["-O3", "-fwrapv"],
                py_limited_api=True,  # one build for Python 3.11 and later (PEP 384)
                optional=True,
            )
            for module in (
                "engine/preprocess/_area",
                "engine/read/_cmyk",
                "engine/read/_jpeg",
                "engine/read/_line",
                "engine/triage/_look",
            )
        ],
        cmdclass={"build_ext": WhatCanBeBuilt},
        options={"bdist_wheel": {"py_limited_api": "cp311"}},
    )
