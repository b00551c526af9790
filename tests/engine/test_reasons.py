"""One list of reason codes: every code that is raised is in it, and the docs list every one."""

import ast
import re

from xscan.engine.errors import NotARadiograph, UnreadableRadiograph
from xscan.engine.reasons import CODES, FAILED, REVIEW, SKIPPED

from ..conftest import ROOT

_RAISED = {NotARadiograph.__name__: SKIPPED, UnreadableRadiograph.__name__: FAILED}


def test_every_code_raised_is_listed_under_its_status() -> None:
    seen = set()
    for path in (ROOT / "engine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _RAISED and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    assert code.value in _RAISED[node.func.id], f"{path.name}:{node.lineno}: {code.value}"
                    seen.add(code.value)
    assert len(seen) > 25


def test_every_doubt_is_listed() -> None:
    for name in ("skip.py", "read.py"):
        source = (ROOT / "engine" / "read" / "dicom" / name).read_text(encoding="utf-8")
        codes = re.findall(r"\.append\(\(\"([a-z-]+)\"", source)
        assert codes
        assert set(codes) <= set(REVIEW)
    source = (ROOT / "engine" / "triage" / "gate.py").read_text(encoding="utf-8")
    codes = re.findall(r"return \"([a-z-]+)\", ", source)
    assert {"blank", "adult"} <= set(codes) <= set(REVIEW)


def test_no_code_has_two_meanings() -> None:
    assert len(CODES) == len(SKIPPED) + len(FAILED) + len(REVIEW)
    assert all(re.fullmatch(r"[a-z-]+", code) for code in CODES)


def test_the_docs_list_every_code() -> None:
    page = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \| (skipped|failed|review) \| (.+) \|$", page, re.MULTILINE)
    statuses = {"skipped": SKIPPED, "failed": FAILED, "review": REVIEW}
    assert {(code, status, meaning) for code, status, meaning in listed} == {
        (code, status, meaning) for status, codes in statuses.items() for code, meaning in codes.items()
    }
