"""The log file: for its owner, through no link, and never in the run's way."""

import contextlib
import io
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from xscan.cli.terminal.console import Console
from xscan.cli.terminal.logs import set_up_logging
from xscan.engine.errors import OutputError


@pytest.fixture(autouse=True)
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("xscan")
    before, propagate = list(logger.handlers), logger.propagate
    logger.handlers.clear()
    yield logger
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, io.TextIOWrapper):
            handler.stream.close()
    logger.handlers[:] = before
    logger.propagate, logging.raiseExceptions = propagate, True


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_it_is_for_its_owner_and_is_appended_to(tmp_path: Path, logger: logging.Logger) -> None:
    file = tmp_path / "night.log"
    set_up_logging(Console(), file)
    logger.info("row 1")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)  # a person's choice
    set_up_logging(Console(), file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_text(encoding="utf-8").endswith("INFO row 1\n")


@pytest.mark.skipif(os.name == "nt", reason="links need no permission there only")
@pytest.mark.parametrize("target", ["nothing yet", "a log"])
def test_it_is_written_through_no_link(tmp_path: Path, target: str) -> None:
    if target == "a log":
        (tmp_path / target).write_text("2026-11-29 02:00:00,000 INFO row 1\n", encoding="utf-8")
    (tmp_path / "night.log").symlink_to(tmp_path / target)
    with pytest.raises(OutputError, match="is a link"):
        set_up_logging(Console(), tmp_path / "night.log")
    assert (tmp_path / target).exists() == (target == "a log")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_a_full_disk_says_nothing_of_it(tmp_path: Path, logger: logging.Logger, capfd: pytest.CaptureFixture) -> None:
    others = list(logger.handlers)  # pytest has its own, where an earlier test left the logger as a command does
    set_up_logging(Console(), tmp_path / "night.log")
    (handler,) = [h for h in logger.handlers if h not in others]
    assert isinstance(handler, logging.StreamHandler)
    handler.stream.close()
    handler.stream = full = open("/dev/full", "w")  # noqa: SIM115
    logger.info("row 1")
    assert capfd.readouterr() == ("", "")
    handler.stream = open(os.devnull, "w")  # noqa: SIM115
    with contextlib.suppress(OSError):
        full.close()
