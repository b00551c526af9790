"""An urgent film as a Key Object (TID 2010), so that viewers show it among a study's marked pictures."""

from ..hush import hushed
from .common import equipment, finish
from .identity import Source
from .result import (
    MANUFACTURER,
    MODEL_NAME,
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
    from highdicom import ko, sr
    from pydicom.sr.codedict import codes

    uid = instance_uid("ko", source.sop_uid, result)
    film = source.evidence()
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=result.device_uid, name=MANUFACTURER, manufacturer_name=MANUFACTURER, model_name=MODEL_NAME
    )
    content = ko.KeyObjectSelection(
        document_title=codes.DCM.OfInterest,
        referenced_objects=[film],
        observer_device_context=sr.ObserverContext(codes.DCM.Device, device),
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
