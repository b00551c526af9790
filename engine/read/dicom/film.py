"""One DICOM file to a film: a first version for uncompressed pixels."""

from io import BytesIO

import numpy as np

from ...errors import NotARadiograph, UnreadableRadiograph
from ..film import Facts, Film, Limits


def read_dicom(content: bytes, limits: Limits, target: tuple[int, int] | None = None) -> Film:
    import pydicom

    data = pydicom.dcmread(BytesIO(content), force=True)
    facts = Facts(
        format="DICOM",
        rows=int(data.get("Rows") or 0),
        columns=int(data.get("Columns") or 0),
        bits=int(data.get("BitsStored") or 8),
        photometric=str(data.get("PhotometricInterpretation", "")),
        transfer_syntax=str(data.file_meta.get("TransferSyntaxUID", "")),
        modality=str(data.get("Modality", "")),
        study_uid=str(data.get("StudyInstanceUID", "")),
        series_uid=str(data.get("SeriesInstanceUID", "")),
        sop_uid=str(data.get("SOPInstanceUID", "")),
        for_processing=data.get("PresentationIntentType") == "FOR PROCESSING",
    )
    if facts.modality not in ("CR", "DX", "RG"):
        raise NotARadiograph("modality", "not CR, DX or RG")
    if "PixelData" not in data:
        raise NotARadiograph("no-pixels", "a DICOM header without pixels")
    if facts.rows * facts.columns > limits.max_pixels:
        raise UnreadableRadiograph("too-many-pixels", "over the limit")
    stored = data.pixel_array
    if stored.ndim != 2:
        raise UnreadableRadiograph("unsupported", "colour is not read yet")
    low, high = float(stored.min()), float(stored.max())
    grey = np.clip((stored - low) * (255.0 / max(high - low, 1.0)), 0, 255).astype(np.uint8)
    if facts.photometric == "MONOCHROME1":
        grey = 255 - grey
    return Film(grey, facts)
