"""DICOM: header, what to skip, pixels, grey scale."""

from .film import read_dicom

__all__ = ["read_dicom"]
