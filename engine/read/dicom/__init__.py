"""DICOM: header, what to skip, pixels, grey scale."""
