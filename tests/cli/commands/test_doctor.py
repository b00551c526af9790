"""`xscan doctor`: what is there, and a line of fix for each thing that is missing."""

import json

import pytest

from xscan.engine.machine import checks

from ...conftest import Xscan


def test_doctor(xscan: Xscan) -> None:
    run = xscan("doctor", "--json")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["usable"] is True
    assert {check["group"] for check in said["checks"]} == {"decoders", "runtimes", "hardware", "training", "engine"}
    for check in said["checks"]:
        assert check["present"] or check["fix"], check
        assert "\n" not in check["fix"]


def test_what_is_missing_is_said_in_the_plain_list_too(xscan: Xscan) -> None:
    run = xscan("doctor")
    for line, following in zip(run.stdout.splitlines(), run.stdout.splitlines()[1:], strict=False):
        if line.startswith("  no "):
            assert following.strip().startswith("fix:")


def test_a_missing_decoder_has_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    import imagecodecs

    monkeypatch.setattr(imagecodecs.JPEGLS, "available", False)
    (check,) = [check for check in checks.checks() if check.name == "JPEG-LS"]
    assert not check.present
    assert check.fix.startswith("pip install")


def test_a_broken_probe_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from xscan.engine.machine import gpu

    def broken() -> None:
        raise OSError

    monkeypatch.setattr(gpu, "probe", broken)
    (check,) = [check for check in checks.checks() if check.name == "NVIDIA GPU"]
    assert not check.present
