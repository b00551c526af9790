"""What the listener takes: which objects (PS3.4 B.5), in which transfer syntaxes. Needs no library."""

from ..read.dicom.pixels import SYNTAXES
from ..read.dicom.skip import CR_STORAGE, DX_PRESENTATION, DX_PROCESSING, SECONDARY_CAPTURE

VERIFICATION = "1.2.840.10008.1.1"

#: What a radiography room sends. Its pictures are what `read/dicom/skip` lets through.
RADIOGRAPHS = {
    CR_STORAGE: "Computed Radiography Image",
    DX_PRESENTATION: "Digital X-Ray Image, For Presentation",
    DX_PROCESSING: "Digital X-Ray Image, For Processing",
}


def taken(secondary_capture: bool = False) -> tuple[str, ...]:
    """SOP classes that are stored. secondary_capture: old digitisers send radiographs so; PACS send much else so."""
    return (*RADIOGRAPHS, *((SECONDARY_CAPTURE,) if secondary_capture else ()))


#: Every one that xscan reads: the sender's first choice among them is taken.
TRANSFER_SYNTAXES = tuple(SYNTAXES)
#: For C-ECHO, which has no pictures.
PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
