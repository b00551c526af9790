"""Films from the PACS, and results back to it: a receiver, a client, DICOM objects. Needs the extra `pacs`."""
