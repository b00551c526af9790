"""scripts/mutants.py can still break what it names, and its table in benchmarks/results is of these mutants."""

from scripts.mutants import MUTANTS, TESTS

from ..conftest import ROOT


def test_each_text_stands_once_and_something_else_comes_in_its_place() -> None:
    wrong = {
        what: module
        for what, (module, text, instead) in MUTANTS.items()
        if (ROOT / module).read_text(encoding="utf-8").count(text) != 1 or text == instead
    }
    assert wrong == {}


def test_each_module_has_tests_that_are_there() -> None:
    assert {module for module, _, _ in MUTANTS.values()} == set(TESTS)
    assert all((ROOT / path).is_file() for path, *_ in TESTS.values())


def test_the_table_is_of_these_mutants() -> None:
    table = (ROOT / "benchmarks" / "results" / "mutants.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    assert rows[1:] == list(MUTANTS)
