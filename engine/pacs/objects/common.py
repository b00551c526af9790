"""What the three kinds of objects share: equipment, times, how they become bytes."""

import io
from typing import TYPE_CHECKING

from .identity import Source
from .result import MANUFACTURER, MODEL_NAME, SCHEME, SERIES_DESCRIPTION, Result

if TYPE_CHECKING:
    from highdicom.sr import ObserverContext
    from pydicom.dataset import Dataset


def equipment(result: Result) -> dict[str, object]:
    """General Equipment and series, as highdicom takes them."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL_NAME,
        "software_versions": [f"xscan {result.xscan_version}", f"{result.network}@{result.network_version}"],
        "device_serial_number": f"{result.network}@{result.network_version}",
        "series_description": SERIES_DESCRIPTION,
    }


def observer(result: Result) -> "ObserverContext":
    """The device that observed: this network in this xscan (PS3.16 TID 1002, 1004)."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=result.device_uid,
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=MODEL_NAME,
        serial_number=f"{result.network}@{result.network_version}",
    )
    return sr.ObserverContext(codes.DCM.Device, device)


def finish(made: "Dataset", source: Source, result: Result) -> bytes:
    """The film's identity and fixed times put in; a file of PS3.10."""
    local = result.made.astimezone()  # as a modality writes: the patient's own study has no time zone either
    date, time = f"{local:%Y%m%d}", f"{local:%H%M%S}"
    for keyword in ("InstanceCreationDate", "ContentDate", "SeriesDate", "DateOfSecondaryCapture"):
        if keyword in made or keyword == "SeriesDate":
            setattr(made, keyword, date)
    for keyword in ("InstanceCreationTime", "ContentTime", "SeriesTime", "TimeOfSecondaryCapture"):
        if keyword in made or keyword == "SeriesTime":
            setattr(made, keyword, time)
    for item in made.get("ContributingEquipmentSequence", []):  # highdicom names itself, and the time
        item.ContributionDateTime = date + time
    made.DeviceUID = result.device_uid
    source.put_into(made)
    content = io.BytesIO()
    made.save_as(content, enforce_file_format=True)
    return content.getvalue()


def coding_scheme() -> "Dataset":
    """Our private coding scheme, for CodingSchemeIdentificationSequence (PS3.3 C.12.1.1.1)."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodingSchemeDesignator = SCHEME
    item.CodingSchemeName = "xscan: bands and classes of its triage list"
    item.CodingSchemeResponsibleOrganization = "xscan"
    return item
