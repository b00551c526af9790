"""What an error that nobody expected is told as: of a disk, as lost storage; and no film's name with it."""

import errno

import pytest

from xscan.cli.terminal.failures import failure


@pytest.mark.parametrize(("number", "code"), [(errno.EIO, 5), (errno.ENXIO, 5), (errno.EBADF, 1)])
def test_a_disk_that_fails_is_lost_storage(capsys: pytest.CaptureFixture[str], number: int, code: int) -> None:
    assert failure(OSError(number, "failed", "films/ana-perez.jpeg")) == code
    said = capsys.readouterr().err
    assert "ana" not in said
    assert ("a disk or share does not answer" in said) == (code == 5)
