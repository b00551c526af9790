"""Synthetic chest radiographs as files: what a PACS export folder holds, without a patient in it.

For demonstrations, tests and benchmarks only, never training data for a shipped model.
"""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from .. import CLASSES
from ..disk.overwrite import in_own_folder
from ..disk.replace import failure, replace_bytes
from ..errors import UsageError
from .draw import SMALLEST, WHITE, draw

LARGEST = 20_000  #: most rows or columns: past any detector, and far below what fills a memory

#: What each `--format` writes, in turn.
FORMATS = {
    "mix": ("jpeg", "png", "MONOCHROME2", "MONOCHROME1"),
    "jpeg": ("jpeg",),
    "png": ("png",),
    "dicom": ("MONOCHROME2", "MONOCHROME1"),
}
_ENDINGS = {"jpeg": ".jpg", "png": ".png", "MONOCHROME2": ".dcm", "MONOCHROME1": ".dcm"}


def write_phantoms(
    folder: Path,
    count: int,
    seed: int = 0,
    *,
    rows: int = 1000,
    columns: int = 1300,
    format: str = "mix",
    on_file: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Write `count` synthetic chest radiographs: normal, bacteria and virus in turn, formats in turn.

    For demonstrations, tests and benchmarks only; never training data for a shipped model.

    Parameters
    ----------
    folder : Path
        Made if it is not there. Files of the same names are replaced, others are left alone.
    count : int
        How many films. Twelve have every finding in every format of the mix.
    seed : int
        The same seed writes the same bytes, given the same kind of processor and the same versions of NumPy,
        OpenCV and pydicom: their last bits differ between some.
    rows, columns : int
        Size of each film in pixels.
    format : {"mix", "jpeg", "png", "dicom"}
        Grey JPEG of 8 bits, PNG of 16 bits, DICOM of 12 bits in MONOCHROME2 and MONOCHROME1.
    on_file : callable, optional
        Called with each path as it is written, for progress.

    Returns
    -------
    list of Path
        The films in order, named ``phantom-0003-virus.dcm``.

    Raises
    ------
    UsageError
        An argument is out of range, or the folder cannot be written to.
    StorageError
        The disk is full.
    """
    if count < 1:
        raise UsageError("the number of phantoms must be 1 or more")
    if seed < 0:
        raise UsageError("the seed must be 0 or more")
    if min(rows, columns) < SMALLEST or max(rows, columns) > LARGEST:
        raise UsageError(f"the size of a phantom must be from {SMALLEST} to {LARGEST} pixels each way")
    if format not in FORMATS:
        raise UsageError(f"the format must be one of {', '.join(FORMATS)}")
    _make_folder(folder)
    paths = []
    for number in range(1, count + 1):
        finding = CLASSES[(number - 1) % len(CLASSES)]
        kind = FORMATS[format][(number - 1) % len(FORMATS[format])]
        path = folder / f"phantom-{number:04d}-{finding}{_ENDINGS[kind]}"
        # A seed of its own for each film, so that seeds 0 and 1 have no film in common.
        film = draw(finding, int(np.random.SeedSequence([seed, number]).generate_state(1)[0]), rows, columns)
        if kind == "jpeg":
            _replace(path, _encode(".jpg", (film >> 4).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90]))
        elif kind == "png":
            _replace(path, _encode(".png", film << 4 | film >> 8, [cv2.IMWRITE_PNG_COMPRESSION, 3]))
        else:
            view = "AP" if number % 2 else "PA"
            identity = f"{seed}/{path.stem}/{kind}/{columns}x{rows}"
            write_dicom(path, film, photometric=kind, view=view, number=number, identity=identity)
        paths.append(path)
        if on_file is not None:
            on_file(path)
    return paths


def write_dicom(
    path: Path,
    pixels: np.ndarray,
    *,
    photometric: str = "MONOCHROME2",
    view: str = "PA",
    number: int = 1,
    identity: str | None = None,
) -> None:
    """Write one uncompressed DICOM radiograph (Digital X-Ray Image Storage - For Presentation, PS3.3 A.26).

    Parameters
    ----------
    path : Path
        Replaced whole or not at all.
    pixels : numpy.ndarray
        uint16 ``[rows, columns]``, 0 to 4095, dark = air, whatever `photometric` says.
    photometric : {"MONOCHROME2", "MONOCHROME1"}
        MONOCHROME1 is stored inverted, so that both are displayed alike.
    view : {"PA", "AP"}
        ViewPosition.
    number : int
        Tells the patients of one folder apart: PatientID and InstanceNumber.
    identity : str, optional
        The text that the UIDs are made from. Default: the pixels and the other arguments.

    Raises
    ------
    UsageError
        The file cannot be written.
    StorageError
        The disk is full.
    """
    if pixels.dtype != np.uint16 or pixels.ndim != 2 or pixels.max(initial=0) > WHITE:
        raise ValueError(f"pixels must be uint16 [rows, columns] from 0 to {WHITE}")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise ValueError("photometric must be MONOCHROME1 or MONOCHROME2")
    if identity is None:
        identity = hashlib.sha256(pixels.tobytes()).hexdigest() + f"/{photometric}/{view}/{number}"
    inverse = photometric == "MONOCHROME1"

    def uid(level: str) -> str:
        return generate_uid(entropy_srcs=["xscan phantom", level, identity])

    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.ImageType = ["ORIGINAL", "PRIMARY", ""]
    image.SOPClassUID = DigitalXRayImageStorageForPresentation
    image.SOPInstanceUID = uid("instance")
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20200101"
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = "000000"
    image.AccessionNumber = ""
    image.Modality = "DX"
    image.PresentationIntentType = "FOR PRESENTATION"
    image.Manufacturer = "xscan"
    image.ReferringPhysicianName = ""
    image.StudyDescription = "Drawing, no patient"
    image.SeriesDescription = "Drawn by software"
    image.ManufacturerModelName = "phantom"
    image.PatientName = "PHANTOM^XSCAN"
    image.PatientID = f"PHANTOM-{number:04d}"
    image.PatientBirthDate = ""
    image.PatientSex = "O"
    image.PatientAge = "003Y"
    image.BodyPartExamined = "CHEST"
    image.ViewPosition = view
    image.DeviceSerialNumber = "0"
    image.SoftwareVersions = "1"
    image.DetectorType = "DIRECT"
    image.PositionerType = "NONE"
    image.StudyInstanceUID = uid("study")
    image.SeriesInstanceUID = uid("series")
    image.StudyID = str(number)
    image.SeriesNumber = 1
    image.InstanceNumber = number
    image.PatientOrientation = ["L", "F"]  # rows run to the patient's left, columns to the feet
    image.ImageLaterality = "U"
    image.ImageComments = "PHANTOM: synthetic, for demonstrations, tests and benchmarks only"
    image.AnatomicRegionSequence = [_code("816094009", "SCT", "Chest")]
    image.ViewCodeSequence = [
        _code("399348003", "SCT", "antero-posterior") if view == "AP" else _code("272479007", "SCT", "postero-anterior")
    ]
    image.AcquisitionContextSequence = []
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = photometric
    image.Rows, image.Columns = pixels.shape
    image.PixelSpacing = image.ImagerPixelSpacing = ["0.2", "0.2"]  # mm: a chest of a small child
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.BurnedInAnnotation = "YES"  # the word PHANTOM
    image.PixelIntensityRelationship = "LOG"
    # 1: more X-rays, higher stored value (PS3.3 C.8.11.3.1.2). MONOCHROME2 shows what let few through bright.
    image.PixelIntensityRelationshipSign = 1 if inverse else -1
    image.WindowCenter, image.WindowWidth = 2048, 4096  # the identity, by the formula of PS3.3 C.11.2.1.2.1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = 0, 1, "US"
    image.LossyImageCompression = "00"
    image.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    stored = WHITE - pixels if inverse else pixels
    image.PixelData = stored.astype("<u2").tobytes()
    image["PixelData"].VR = "OW"

    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content = io.BytesIO()
    image.save_as(content, enforce_file_format=True)
    _replace(path, content.getvalue())


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _encode(ending: str, pixels: np.ndarray, options: list[int]) -> bytes:
    done, content = cv2.imencode(ending, pixels, options)
    if not done:
        raise RuntimeError(f"OpenCV could not encode {ending}")
    return content.tobytes()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"{folder} is a file: name a folder for the phantoms") from None
    except OSError as error:
        raise failure(folder, error) from None


def _replace(path: Path, content: bytes) -> None:
    """Nobody ever reads half a film. Not durable: drawing a phantom again costs less than waiting for the disk."""
    replace_bytes(path, content, in_own_folder, durable=False)
