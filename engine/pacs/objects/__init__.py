"""DICOM objects for the PACS: a structured report, a picture with the result, a key object. Needs the extra `pacs`."""
