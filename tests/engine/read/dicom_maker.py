"""DICOM films made by us, in every transfer syntax that xscan reads. Writing is left to pydicom."""

from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import RLELosslessEncoder
from pydicom.uid import UID

CR = "1.2.840.10008.5.1.4.1.1.1"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
JPEG_8, JPEG_12, LOSSLESS, LOSSLESS_SV1 = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
LS, LS_NEAR, J2K, J2K_LOSSY = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91))
HTJ2K, HTJ2K_RPCL, HTJ2K_LOSSY = (f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))

LOSSLESS_SYNTAXES = [IMPLICIT, EXPLICIT, BIG, DEFLATED, RLE, LOSSLESS, LOSSLESS_SV1, LS, J2K, HTJ2K, HTJ2K_RPCL]
LOSSY_SYNTAXES = [JPEG_8, JPEG_12, LS_NEAR, J2K_LOSSY, HTJ2K_LOSSY]


def phantom(rows: int = 40, columns: int = 34, bits: int = 8, signed: bool = False) -> np.ndarray:
    """Smooth shading over the whole range of `bits`: int64 [rows, columns] of stored values."""
    y, x = np.mgrid[0:rows, 0:columns]
    shade = (0.5 + 0.5 * np.sin(x / 9.0)) * 0.6 + 0.4 * y / (rows - 1)
    shade = (shade - shade.min()) / (shade.max() - shade.min())
    values = np.rint(shade * ((1 << bits) - 1)).astype(np.int64)
    return values - (1 << (bits - 1)) if signed else values


def words(values: np.ndarray, allocated: int) -> np.ndarray:
    """Stored values as they lie in an unsigned word."""
    return (values & ((1 << allocated) - 1)).astype(np.uint8 if allocated == 8 else np.uint16)


def encode(syntax: str, values: np.ndarray, allocated: int, signed: bool) -> bytes | bytearray:
    """One frame, compressed. values: [rows, columns] or [rows, columns, 3] stored values."""
    kind = np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")
    typed, plain = values.astype(kind), words(values, allocated)
    if syntax == JPEG_8:
        return imagecodecs.jpeg8_encode(plain, level=98)
    if syntax == JPEG_12:
        return imagecodecs.jpeg8_encode(plain, level=98, bitspersample=12)
    if syntax == LOSSLESS:
        # libjpeg-turbo 3.1 encodes 16-bit values wrongly with predictors 5 to 7 (three decoders agree on that).
        predictor = 4 if plain.itemsize == 2 and plain.max() >> 15 else 6
        return imagecodecs.jpeg8_encode(plain, lossless=True, predictor=predictor)
    if syntax == LOSSLESS_SV1:
        return imagecodecs.jpeg8_encode(plain, lossless=True, predictor=1)
    if syntax == LS:
        return imagecodecs.jpegls_encode(plain)
    if syntax == LS_NEAR:
        return imagecodecs.jpegls_encode(plain, level=2)
    if syntax == J2K:
        return imagecodecs.jpeg2k_encode(typed, codecformat="J2K", reversible=True)
    if syntax == J2K_LOSSY:
        return imagecodecs.jpeg2k_encode(typed, level=55, codecformat="J2K", reversible=False)
    if syntax in (HTJ2K, HTJ2K_RPCL):
        return imagecodecs.htj2k_encode(typed, reversible=True)
    if syntax == HTJ2K_LOSSY:
        return imagecodecs.htj2k_encode(typed, level=0.0005, reversible=False)
    raise ValueError(syntax)


def film(
    values: np.ndarray | None = None,
    syntax: str = EXPLICIT,
    *,
    photometric: str = "MONOCHROME2",
    allocated: int = 8,
    stored: int | None = None,
    high: int | None = None,
    signed: bool = False,
    frame: bytes | bytearray | None = None,
    **elements: Any,
) -> bytes:
    """A whole CR chest film as a file. values: stored values; elements: further attributes, None leaves one
    out; frame: a compressed stream to use as it is."""
    if values is None:
        values = phantom(bits=stored or allocated)
    rows, columns = values.shape[:2]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID = UID(CR)
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4.5")
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = CR, "1.2.3.4.5"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    data.PatientName, data.PatientID = "SECRET^NAME", "SECRET-ID"
    data.Modality, data.BodyPartExamined, data.ViewPosition = "CR", "CHEST", "PA"
    data.Rows, data.Columns = rows, columns
    data.SamplesPerPixel = 3 if values.ndim == 3 else 1
    data.PhotometricInterpretation = photometric
    data.BitsAllocated, data.BitsStored = allocated, stored or allocated
    data.HighBit = data.BitsStored - 1 if high is None else high
    data.PixelRepresentation = int(signed)
    if values.ndim == 3:
        data.PlanarConfiguration = 0
    for keyword, value in elements.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    _set_pixels(data, values, syntax, allocated, signed, frame)
    stream = BytesIO()
    implicit, little = syntax == IMPLICIT, syntax != BIG
    data.save_as(stream, enforce_file_format=True, implicit_vr=implicit, little_endian=little)
    return stream.getvalue()


def _set_pixels(
    data: Dataset, values: np.ndarray, syntax: str, allocated: int, signed: bool, frame: bytes | bytearray | None
) -> None:
    plain = words(values, allocated)
    if frame is None and syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED):
        planar = data.get("PlanarConfiguration") == 1
        laid_out = plain.transpose(2, 0, 1) if planar else plain
        raw = laid_out.astype(plain.dtype.newbyteorder(">" if syntax == BIG else "<")).tobytes()
        data.PixelData = raw + b"\0" * (len(raw) % 2)
        data["PixelData"].VR = "OB" if allocated == 8 else "OW"
        return
    if frame is None and syntax == RLE:
        frame = RLELosslessEncoder.encode(
            np.ascontiguousarray(plain).tobytes(),
            rows=values.shape[0],
            columns=values.shape[1],
            number_of_frames=1,
            samples_per_pixel=data.SamplesPerPixel,
            bits_allocated=allocated,
            bits_stored=data.BitsStored,
            pixel_representation=0,
            photometric_interpretation=data.PhotometricInterpretation,
            planar_configuration=0,
            encoding_plugin="pydicom",
        )
    elif frame is None:
        frame = encode(syntax, values, allocated, signed)
    data.PixelData = encapsulate([bytes(frame)])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
