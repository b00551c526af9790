"""The one list of reason codes. They are stable: a clinic's own scripts may look for them.

A row's `reason` is the code, a colon, and a sentence that may change from version to version.
"""

#: Not a radiograph for this model: status `skipped`.
SKIPPED = {
    "not-an-image": "no format that xscan reads, by content",
    "not-a-file": "a device, pipe or socket",
    "link-loop": "a link to a folder that it is itself in",
    "link-double": "a link to a folder that another link has led to",
    "dicomdir": "a DICOMDIR: an index, not a picture",
    "not-a-picture": "a DICOM object without a picture: report, presentation state, key object, PDF, ...",
    "modality": "another modality than CR, DX or RG",
    "not-a-film": "a secondary capture that is no radiograph: a screen shot, a scanned paper, a photograph",
    "multi-frame": "several pictures in one file: a cine run or a stack",
    "no-pixels": "a DICOM header without pixels",
    "too-small": "smaller than a film can be: an icon, a logo",
    "body-part": "DICOM names another part of the body than the chest",
    "lateral": "DICOM says that it is a lateral view",
    "duplicate": "the same SOPInstanceUID as an earlier file",
    "presentation-double": "FOR PROCESSING, and the same series has a FOR PRESENTATION film",
}

#: A radiograph, or what may be one, that could not be read or scored: status `failed`.
FAILED = {
    "empty": "the file has no bytes",
    "vanished": "gone between listing and reading",
    "unreadable": "the operating system refused to open or read the file",
    "unreadable-folder": "the folder may not be listed",
    "broken-link": "a link to a file that is not there",
    "link-outside": "a link out of the scanned folder, without --follow-links",
    "too-large": "more bytes than the limit",
    "too-many-pixels": "more pixels than the limit, by its header",
    "truncated": "the file ends before its picture does",
    "corrupt": "the picture's data is damaged",
    "bad-header": "the header contradicts itself or lacks what decoding needs",
    "unsupported": "a variant that no installed decoder reads",
    "missing-decoder": "a decoder that is not installed would be needed",
    "encrypted": "a zip's member behind a password",
    "bad-zip": "the zip, or this member of it, is damaged",
    "zip-bomb": "the zip unpacks to far more than a zip of radiographs",
    "zip-member-refused": "the member's name leads out of the zip, is too long, or stands there twice",
    "zip-method": "packed by another method than deflate",
    "nested-zip": "a zip inside a zip is not opened",
    "decoder-crash": "a decoder ended its process on this file, twice",
    "timed-out": "reading took longer than the limit for one file",
    "out-of-memory": "not enough memory for this file",
    "scoring": "the network gave no result for this film",
}

#: Scored, but the model may not decide: status `review`.
REVIEW = {
    "for-processing": "raw detector data (FOR PROCESSING), not what a viewer would show",
    "description": "its DICOM description names another part of the body",
    "view": "DICOM names or hints at a view other than PA or AP",
    "fluoroscopy": "from a fluoroscopy unit, by its DICOM modality or SOP class",
    "derived": "DICOM says that it was made from another picture",
    "polarity": "DICOM contradicts itself about which end of the grey scale is bright",
    "uid-conflict": "another picture has the same SOPInstanceUID",
    "adult": "by its DICOM age, or its looks, the patient is an adult",
    "age": "by its DICOM age outside the ages that the model was trained on",
    "out-of-domain": "unlike the films that the model was trained on",
    "blank": "next to no contrast",
    "exposure": "over- or underexposed",
    "inverted": "looks inverted: its air is bright",
    "rotated": "looks turned by a quarter",
    "upside-down": "looks upside down",
    "cut-off": "part of the lungs seems cut off or behind the shutters",
    "burnt-in-text": "letters or marks over the lungs",
    "mended": "stood wrong, and was scored set right (--mend)",
}

CODES = {**SKIPPED, **FAILED, **REVIEW}
