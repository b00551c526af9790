"""`xscan doctor`: what is there, and a line of fix for each thing that is missing."""

import json
import re

import pytest

from xscan.engine.machine import checks

from ...conftest import Xscan


def test_doctor(xscan: Xscan) -> None:
    run = xscan("doctor", "--json")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["usable"] is True
    assert {check["group"] for check in said["checks"]} == {
        "decoders",
        "runtimes",
        "hardware",
        "training",
        "engine",
        "nights",
    }
    for check in said["checks"]:
        assert check["present"] or check["fix"], check
        assert "\n" not in check["fix"]


def test_the_verdict_comes_first_then_what_could_be_better(xscan: Xscan, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = xscan("doctor").stdout.splitlines()
    assert re.fullmatch(r"ready: float32 on \d+ cores?(, INT8 possible)?", lines[0])
    better = lines[2 : lines.index("", 2)] if lines[2:3] == ["could be better"] else []
    assert not [
        line for line in better if "tensorrt" in line or "tensorflow" in line
    ]  # there is no GPU, and no training
    assert bool(better) == lines[0].endswith("INT8 possible")


def test_what_every_scan_needs_and_is_not_there_is_the_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    from xscan.cli.commands.doctor import doctor

    broken = checks.Check("decoders", "JPEG", False, "does not load", "mend it", needed=True)
    monkeypatch.setattr(checks, "checks", lambda: iter([broken]))
    with pytest.raises(typer.Exit) as ended:
        doctor()
    assert ended.value.exit_code == 4
    assert capsys.readouterr().out.startswith("not ready: JPEG missing\n\ncould be better\n  JPEG: mend it\n")


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
    assert "-m pip install" in check.fix


def test_a_broken_probe_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from xscan.engine.machine import gpu

    def broken() -> None:
        raise OSError

    monkeypatch.setattr(gpu, "probe", broken)
    (check,) = [check for check in checks.checks() if check.name == "NVIDIA GPU"]
    assert not check.present
