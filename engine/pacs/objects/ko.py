"""An urgent film as a Key Object (TID 2010), so that viewers show it among a study's marked pictures."""

from ..hush import hushed
from .common import equipment, finish, observer
from .identity import Source
from .result import (
    NOTICE,
    SERIES_NUMBERS,
    Result,
    instance_number,
    instance_uid,
    series_uid,
)


@hushed()
def key_object(source: Source, result: Result) -> tuple[str, str, bytes]:
    """SOP Class, SOP Instance UID and content. Raises ValueError where the film's SOP class is not the standard's."""
    from highdicom import ko
    from pydicom.sr.codedict import codes

    uid = instance_uid("ko", source.sop_uid, result)
    film = source.evidence()
    content = ko.KeyObjectSelection(
        document_title=codes.DCM.OfInterest,
        referenced_objects=[film],
        observer_device_context=observer(result),
        description=f"xscan: {result.band}, probability of pneumonia {result.p_pneumonia:.4f}. {NOTICE}",
    )
    made = ko.KeyObjectSelectionDocument(
        evidence=[film],
        content=content,
        series_instance_uid=series_uid("ko", source.study_uid, result),
        series_number=SERIES_NUMBERS["ko"],
        sop_instance_uid=uid,
        instance_number=instance_number(uid),
        **equipment(result),  # pyright: ignore[reportArgumentType]
    )
    return str(made.SOPClassUID), uid, finish(made, source, result)
