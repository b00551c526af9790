"""From the room to the PACS: films come, are scored, and results are in Orthanc; a PACS that is down stops none,
and nothing of a hostile film is told."""

import io
import os
import urllib.request
from pathlib import Path

import pydicom
import pytest

from xscan.engine.pacs.hush import hushed

from .orthanc import orthanc
from .peers import films, free_port, hostile, storescu
from .test_listen import service

pytest.importorskip("highdicom")


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM")
def test_results_go_where_readers_look(tmp_path: Path) -> None:
    sources = films(tmp_path / "drawn", 2)
    sent = {pydicom.dcmread(path).StudyInstanceUID for path in sources}
    hostile(sources[1], sources[1], SOPInstanceUID="1.2.03.0004")
    (tmp_path / "orthanc").mkdir()
    down = free_port()
    listener = free_port()
    modalities = {"xscan": ["XSCAN", "127.0.0.1", listener]}
    with orthanc(tmp_path / "orthanc", DicomModalities=modalities) as pacs:
        (tmp_path / "xscan.toml").write_text(
            f'[pacs.readers]\naet = "ORTHANC"\nhost = "127.0.0.1"\nport = {pacs.port}\n'
            f'[pacs.down]\naet = "AWAY"\nhost = "127.0.0.1"\nport = {down}\ntimeout = 2\n'
        )
        options = (
            "--settle",
            "1",
            "--secondary-capture",
            "--port",
            str(listener),
            "--send",
            "down",
            "--send",
            "readers",
        )
        with service(tmp_path, *options, config=tmp_path / "xscan.toml") as running:
            assert storescu(listener, *sources) == 0
            running.wait(lambda: len(pacs.get("instances")) == 4)
            reports, pictures = pacs.instances("SR"), pacs.instances("OT")
            assert len(reports) == len(pictures) == 2
            running.wait(lambda: "down: " in running.told)
            # As a PACS with a rule does, which sends all that it gets to where films are scored
            for number in pacs.get("instances"):
                tags = pacs.get(f"instances/{number}/simplified-tags")
                if tags["Modality"] != "SR":
                    post(f"http://127.0.0.1:{pacs.web}/modalities/xscan/store", number)
            running.wait(lambda: "an object that xscan made itself came back" in running.told)
            said = running.end()
        assert said["journal"]["films"] == 2  # type: ignore[index]
        assert len(pacs.instances()) == 4
    assert not [word for word in ("SECRET", "03.0004", "Warning", "Traceback") if word in running.told]
    with hushed():
        assert {pydicom.dcmread(io.BytesIO(report)).StudyInstanceUID for report in reports.values()} == sent


def post(url: str, text: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, data=text.encode(), method="POST"), timeout=60).close()
