"""Films from the PACS and results back to it: a receiver, a client, DICOM objects of results. Needs the extra `pacs`."""
