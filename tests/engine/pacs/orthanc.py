"""Orthanc with its DICOMweb plugin, on loopback, with ports and a folder of its own."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xscan.engine.pacs.destinations import Destination, named

from .peers import answers, free_port, need, started

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass
class Orthanc:
    port: int
    web: int

    def destination(self, **more: Any) -> Destination:
        """It as xscan.toml would describe it; `send_by="web"` is `send-by`."""
        table = {"aet": "ORTHANC", "host": "127.0.0.1", "port": self.port, "url": self.url, "timeout": 20}
        table |= {key.replace("_", "-"): value for key, value in more.items()}
        return named({"orthanc": {key: value for key, value in table.items() if value is not None}}, "orthanc", Path())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web}/dicom-web"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/{path}", timeout=20) as answer:
            content = answer.read()
        return json.loads(content) if answer.headers["Content-Type"].startswith("application/json") else content

    def instances(self, modality: str = "") -> dict[str, bytes]:
        """What it stores, as files, by SOP Instance UID."""
        found = {}
        for number in self.get("instances"):
            tags = self.get(f"instances/{number}/simplified-tags")
            if modality in ("", tags["Modality"]):
                found[tags["SOPInstanceUID"]] = self.get(f"instances/{number}/file")
        return found

    def clear(self) -> None:
        for number in self.get("patients"):
            request = urllib.request.Request(f"http://127.0.0.1:{self.web}/patients/{number}", method="DELETE")
            urllib.request.urlopen(request, timeout=20).close()


@contextmanager
def orthanc(folder: Path, port: int = 0, web: int = 0, **options: Any) -> Iterator[Orthanc]:
    """A running Orthanc. options: of its own configuration file."""
    need("Orthanc")
    if not PLUGIN.exists():
        need("orthanc-dicomweb")
    found = Orthanc(port or free_port(), web or free_port())
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": found.web,
        "DicomPort": found.port,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **options,
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(settings))
    with started("Orthanc", file, port=found.port):
        answers(found.web)
        yield found
