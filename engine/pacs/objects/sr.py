"""The result as a Comprehensive SR: TID 1500, with a measurement group (TID 1501) for pneumonia and each kind of it.

What it does not hold is a statement that pneumonia is present or absent: xscan gives a place in the reading list and
probabilities, and a physician decides (docs/conformance.md).
"""

from typing import TYPE_CHECKING

from ..hush import hushed
from .common import coding_scheme, equipment, finish, observer
from .identity import Source
from .result import (
    MANUFACTURER,
    NOTICE,
    SCHEME,
    SERIES_NUMBERS,
    Result,
    instance_number,
    instance_uid,
    series_uid,
    uid_of,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: SNOMED CT, as pydicom's dictionary has no term for the kinds of pneumonia.
_FINDINGS = {
    "pneumonia": ("233604007", "Pneumonia"),
    "bacteria": ("53084003", "Bacterial pneumonia"),
    "virus": ("75570004", "Viral pneumonia"),
    "normal": ("17621005", "Normal"),
}
_BANDS = {"urgent": "Urgent: read first", "review": "Review: read in the usual order", "routine": "Routine: read last"}


@hushed()
def structured_report(
    source: Source, result: Result, predecessor: tuple[str, str] | None = None
) -> tuple[str, str, bytes]:
    """SOP Class, SOP Instance UID and content of the report of one film.

    predecessor: series and instance of the report of an earlier result, which this one replaces (PS3.3 C.17.2.3).
    Raises ValueError where the film's SOP class is none of the standard's.
    """
    from highdicom import sr
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    def finding(name: str) -> Code:
        value, meaning = _FINDINGS[name]
        return Code(value, "SCT", meaning)

    uid = instance_uid("sr", source.sop_uid, result)
    film = source.evidence()
    algorithm = sr.AlgorithmIdentification(
        name=result.network,
        version=result.network_version,
        manufacturer=MANUFACTURER,
        family=codes.DCM.ArtificialIntelligence,
        parameters=[f"rule-out {result.points[0]:.4f}", f"rule-in {result.points[1]:.4f}"] if result.points else None,
    )
    image = sr.SourceImageForMeasurementGroup(source.sop_class, source.sop_uid)
    groups = []
    for name, p in (("pneumonia", result.p_pneumonia), ("bacteria", result.p_bacteria), ("virus", result.p_virus)):
        group = sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(
                uid=uid_of("tracking", source.sop_uid, name, result.network), identifier=f"xscan {name}"
            ),
            finding_type=finding(name),
            algorithm_id=algorithm,
            finding_sites=[sr.FindingSite(codes.SCT.Chest)],
            source_images=[image],
            measurements=[sr.Measurement(name=codes.DCM.Probability, value=round(100 * p, 2), unit=codes.UCUM.Percent)],
            qualitative_evaluations=[
                sr.QualitativeEvaluation(
                    Code("PRIORITY", SCHEME, "Place in the reading list"),
                    Code(result.band.upper(), SCHEME, _BANDS[result.band]),
                ),
                sr.QualitativeEvaluation(Code("CLASS", SCHEME, "Most probable class"), finding(result.finding)),
            ]
            if name == "pneumonia"
            else None,
        )
        if name == "pneumonia":
            for text in (NOTICE, *([f"The network may not decide on this film: {result.doubt}"] * bool(result.doubt))):
                comment = sr.TextContentItem(codes.DCM.Comment, text, sr.RelationshipTypeValues.CONTAINS)
                group[0].ContentSequence.append(comment)
        groups.append(group)
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer(result)),
        procedure_reported=Code("30745-4", "LN", "XR Chest Views"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=[film],
    )
    made = sr.ComprehensiveSR(
        evidence=[film],
        content=report,
        series_instance_uid=series_uid("sr", source.study_uid, result),
        series_number=SERIES_NUMBERS["sr"],
        sop_instance_uid=uid,
        instance_number=instance_number(uid),
        is_complete=True,  # nothing more will be added; PRELIMINARY and UNVERIFIED all the same
        is_final=False,
        is_verified=False,
        previous_versions=[_report_at(source, *predecessor)] if predecessor else None,
        **equipment(result),  # pyright: ignore[reportArgumentType]
    )
    made.CodingSchemeIdentificationSequence = [coding_scheme()]
    return str(made.SOPClassUID), uid, finish(made, source, result)


def _report_at(source: Source, series: str, instance: str) -> "Dataset":
    from pydicom.dataset import Dataset
    from pydicom.uid import ComprehensiveSRStorage

    report = Dataset()
    report.StudyInstanceUID, report.SeriesInstanceUID = source.study_uid, series
    report.SOPClassUID, report.SOPInstanceUID = ComprehensiveSRStorage, instance
    return report
