"""The result as a Secondary Capture: the film, smaller, and below it what the list says; nothing covers the film."""

import cv2
import numpy as np

from ..hush import hushed
from .common import equipment, finish
from .identity import Source
from .result import NOTICE, SERIES_NUMBERS, Result, instance_number, instance_uid, series_uid

SIDE = 1024  #: pixels of the film's longer side: a picture to be glanced at, not read
WIDTH = 640  #: least width, so that the text below a narrow film can be read
CONTOUR = 2.0  #: logits of evidence for pneumonia at a place, from which on the map's contour runs
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WORDS = {"urgent": "URGENT", "review": "REVIEW", "routine": "ROUTINE"}


def picture(grey: np.ndarray, result: Result, evidence: np.ndarray | None = None) -> np.ndarray:
    """The film with its result below: uint8 [rows, columns].

    grey: uint8 [rows, columns], dark is air. evidence: float [height, width], log odds of pneumonia by place; its
    contour is drawn into the film.
    """
    rows, columns = grey.shape
    scale = min(1.0, SIDE / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    film = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else grey.copy()
    if evidence is not None:
        _draw_contour(film, evidence)
    if (missing := WIDTH - film.shape[1]) > 0:
        film = np.pad(film, ((0, 0), (missing // 2, missing - missing // 2)))
    return np.vstack([film, _caption(film.shape[1], result, evidence is not None)])


def _draw_contour(film: np.ndarray, evidence: np.ndarray) -> None:
    smooth = cv2.resize(evidence.astype(np.float32), film.shape[::-1], interpolation=cv2.INTER_CUBIC)
    outlines, _ = cv2.findContours((smooth >= CONTOUR).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for shade, width in ((0, 4), (255, 2)):  # seen on bright and on dark
        cv2.drawContours(film, outlines, -1, shade, width, cv2.LINE_AA)


def _caption(width: int, result: Result, contour: bool) -> np.ndarray:
    local = result.made.astimezone()
    kinds = f"bacterial {result.p_bacteria:.2f}, viral {result.p_virus:.2f}"
    lines = [
        (1.5, 3, _WORDS[result.band]),
        (0.9, 2, f"probability: pneumonia {result.p_pneumonia:.2f}, {kinds}"),
    ]
    if result.doubt:
        lines.append((0.7, 1, f"the network may not decide on this film: {result.doubt.partition(':')[0]}"))
    if contour:
        lines.append((0.7, 1, "outlined: where the network sees evidence for pneumonia"))
    network = f"{result.network} {result.network_version}"
    lines += [(0.8, 2, NOTICE), (0.6, 1, f"xscan {result.xscan_version}, {network}, {local:%Y-%m-%d %H:%M}")]
    bands = [_line(width, *line) for line in lines]
    margin = np.zeros((10, width), np.uint8)
    rule = np.full((2, width), 160, np.uint8)
    return np.vstack([rule, margin, *bands, margin])


def _line(width: int, scale: float, thickness: int, text: str) -> np.ndarray:
    """One line of text, made smaller until it fits."""
    scale *= width / 900
    (length, height), below = cv2.getTextSize(text, _FONT, scale, thickness)
    if length > width - 24:
        scale *= (width - 24) / length
        (length, height), below = cv2.getTextSize(text, _FONT, scale, thickness)
    band = np.zeros((height + below + 10, width), np.uint8)
    cv2.putText(band, text, (12, height + 5), _FONT, scale, 235, thickness, cv2.LINE_AA)
    return band


@hushed()
def secondary_capture(
    source: Source, result: Result, grey: np.ndarray, evidence: np.ndarray | None = None, *, contour: bool = False
) -> tuple[str, str, bytes]:
    """SOP Class, SOP Instance UID and content of the picture of one film; `picture` has the arguments.

    contour: one was asked for, whether or not there is evidence to draw: such a picture is an object of its own.
    """
    from highdicom.sc import SCImage
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    uid = instance_uid("sc", source.sop_uid, result, *(["contour"] if contour else []))
    shown = picture(grey, result, evidence)
    made = SCImage(
        pixel_array=shown,
        photometric_interpretation="MONOCHROME2",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=source.study_uid,
        series_instance_uid=series_uid("sc", source.study_uid, result),
        series_number=SERIES_NUMBERS["sc"],
        sop_instance_uid=uid,
        instance_number=instance_number(uid),
        patient_orientation=("L", "F"),
        **equipment(result),  # pyright: ignore[reportArgumentType]
    )
    made["PatientOrientation"].value = list(source.orientation or ())
    made.Laterality = ""  # type 2C, and the chest is no paired part
    made.ConversionType = "SYN"  # drawn by software: what reads films, xscan's own reader too, takes it for none
    made.BurnedInAnnotation = "YES"
    made.DerivationDescription = f"The film, smaller, with the result of a network below. {NOTICE}"
    made.ImageComments = NOTICE
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source.sop_class, source.sop_uid
    purpose = Dataset()
    code = codes.DCM.SourceImageForImageProcessingOperation
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = code.value, "DCM", code.meaning
    reference.PurposeOfReferenceCodeSequence = [purpose]
    made.SourceImageSequence = [reference]
    if source.lossy:
        made.LossyImageCompression = "01"
        if source.lossy_ratio:
            made.LossyImageCompressionRatio = source.lossy_ratio
        if source.lossy_method:
            made.LossyImageCompressionMethod = source.lossy_method
    return str(made.SOPClassUID), uid, finish(made, source, result)
