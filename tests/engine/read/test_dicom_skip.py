"""What is not for this model is skipped with its reason; what is only hinted at is scored for review."""

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from xscan.engine.errors import NotARadiograph, UnreadableRadiograph
from xscan.engine.read.decode import read_bytes
from xscan.engine.read.dicom.age import age_years, height_m
from xscan.engine.read.dicom.header import parse
from xscan.engine.read.film import Limits

from .dicom_maker import film


def code_item(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SRT", meaning
    return item


STORAGE = "1.2.840.10008.5.1.4.1.1."
SC, DX = STORAGE + "7", STORAGE + "1.1"
SECONDARY = ["DERIVED", "SECONDARY"]


@pytest.mark.parametrize(
    ("code", "elements"),
    [
        ("modality", {"Modality": "CT"}),
        ("modality", {"Modality": "MG"}),
        ("modality", {"Modality": "US"}),
        ("modality", {"Modality": "RF", "SOPClassUID": STORAGE + "12.2"}),
        ("modality", {"Modality": "RF", "SOPClassUID": "1.2.840.113619.4.26"}),
        ("modality", {"Modality": "CR", "SOPClassUID": STORAGE + "1.2"}),  # mammography, by its class
        ("modality", {"Modality": "DX", "SOPClassUID": STORAGE + "2"}),
        ("not-a-picture", {"Modality": "SR"}),
        ("not-a-picture", {"Modality": "PR"}),
        ("not-a-picture", {"Modality": "KO"}),
        ("dicomdir", {"SOPClassUID": "1.2.840.10008.1.3.10"}),
        ("multi-frame", {"NumberOfFrames": "12"}),
        ("body-part", {"BodyPartExamined": "HAND"}),
        ("body-part", {"BodyPartExamined": "ABDOMEN"}),
        ("body-part", {"BodyPartExamined": "SKULL "}),
        ("body-part", {"BodyPartExamined": "", "AnatomicRegionSequence": [code_item("T-D8700", "Hand")]}),
        ("lateral", {"ViewPosition": "LL"}),
        ("lateral", {"ViewPosition": "RL"}),
        ("lateral", {"ViewPosition": "LATERAL"}),
        ("lateral", {"ViewPosition": "", "ViewCodeSequence": [code_item("R-10236", "left lateral")]}),
        ("lateral", {"ViewPosition": "", "ViewCodeSequence": [code_item("x", "Lateral projection")]}),
        ("lateral", {"ViewPosition": "", "PatientOrientation": ["A", "F"]}),
        ("lateral", {"ViewPosition": "", "PatientOrientation": ["PL", "F"]}),
        ("not-a-film", {"SOPClassUID": SC, "Modality": "OT"}),
        ("not-a-film", {"SOPClassUID": SC, "ConversionType": "SD"}),
        *(("not-a-film", {"SOPClassUID": SC, "Modality": name, "ImageType": SECONDARY}) for name in ("CR", "DX", "OT")),
        ("not-a-film", {"SOPClassUID": SC + ".2", "ImageType": SECONDARY}),
    ],
)
def test_skipped(code: str, elements: dict[str, Any]) -> None:
    with pytest.raises(NotARadiograph) as problem:
        read_bytes(film(**elements))
    assert problem.value.code == code
    assert problem.value.status == "skipped"


@pytest.mark.parametrize(
    "elements",
    [
        {"BodyPartExamined": None},
        {"BodyPartExamined": ""},
        {"BodyPartExamined": "UNKNOWN"},
        {"BodyPartExamined": "THORAX"},
        {"BodyPartExamined": "CHEST_1VIEW"},
        {"BodyPartExamined": "PORT CHEST"},
        {"BodyPartExamined": "", "AnatomicRegionSequence": [code_item("51185008", "Thoracic structure")]},
        {"ViewPosition": None},
        {"ViewPosition": "AP"},
        {"ViewPosition": "", "ViewCodeSequence": [code_item("R-10206", "antero-posterior")]},
        {"ViewPosition": "", "PatientOrientation": ["L", "F"]},
        {"ViewPosition": "PA", "PatientOrientation": ["P", "F"]},  # ViewPosition counts first
        {"Modality": "DX"},
        {"Modality": "RG"},
        *({"Modality": name, "SOPClassUID": uid} for name in ("DR", "XR", "OT", "RX") for uid in (DX, STORAGE + "1")),
        {"Modality": "DX", "SOPClassUID": DX, "ImageType": ["DERIVED", "PRIMARY"]},
        {"SOPClassUID": DX, "ImageType": SECONDARY, "LossyImageCompression": "01"},
        {"SOPClassUID": "1.2.840.113619.4.26"},  # a maker's own class, and the modality of a radiograph
        {"Modality": ""},  # the storage class says CR
        {"NumberOfFrames": "1"},
        {"SOPClassUID": SC, "ConversionType": "WSD"},
        {"SeriesDescription": "PA AND LATERAL", "ViewPosition": ""},
    ],
)
def test_scored_without_doubt(elements: dict[str, Any]) -> None:
    assert read_bytes(film(**elements)).facts.doubts == []


def test_a_large_secondary_capture_that_says_chest_is_a_film() -> None:
    large = np.zeros((520, 512), np.int64)
    assert read_bytes(film(large, SOPClassUID=SC, Modality="OT")).facts.modality == "OT"
    with pytest.raises(NotARadiograph, match="not-a-film"):
        read_bytes(film(large, SOPClassUID=SC, Modality="OT", BodyPartExamined="", ViewPosition=""))


@pytest.mark.parametrize("modality", ["CR", "DX", "OT"])
def test_a_coloured_secondary_capture_is_no_film(modality: str) -> None:
    colour = np.zeros((640, 520, 3), np.int64)
    with pytest.raises(NotARadiograph, match="not-a-film"):
        read_bytes(film(colour, photometric="RGB", SOPClassUID=SC, Modality=modality))
    with pytest.raises(NotARadiograph, match="not-a-film"):
        read_bytes(film(colour, photometric="RGB", SOPClassUID=DX, Modality=modality, ImageType=SECONDARY))


@pytest.mark.parametrize(
    ("code", "elements"),
    [
        ("for-processing", {"PresentationIntentType": "FOR PROCESSING"}),
        ("for-processing", {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1", "Modality": "DX"}),
        ("description", {"BodyPartExamined": "", "StudyDescription": "LEFT HAND 2 VIEWS"}),
        ("view", {"ViewPosition": "", "SeriesDescription": "Chest LAT"}),
        ("view", {"ViewPosition": "LAO"}),
        ("fluoroscopy", {"Modality": "RF"}),
        ("fluoroscopy", {"SOPClassUID": STORAGE + "12.2"}),
        ("derived", {"SOPClassUID": DX, "ImageType": SECONDARY}),
    ],
)
def test_scored_for_review(code: str, elements: dict[str, Any]) -> None:
    facts = read_bytes(film(**elements)).facts
    assert code in [doubt for doubt, _ in facts.doubts]
    assert facts.for_processing is (code == "for-processing")


def test_no_pixels() -> None:
    content = film()
    at = content.index(b"\xe0\x7f\x10\x00")
    with pytest.raises(NotARadiograph, match="no-pixels"):
        read_bytes(content[:at])


def test_a_report_that_ends_early_is_still_no_radiograph() -> None:
    with pytest.raises(NotARadiograph, match="not-a-picture"):
        read_bytes(film(Modality="SR")[:600])
    with pytest.raises(UnreadableRadiograph, match="truncated"):
        read_bytes(film()[:601])


def test_skipping_costs_no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    from xscan.engine.read.dicom import read as module

    monkeypatch.setattr(module, "read_stored", lambda *_: pytest.fail("pixels were decoded"))
    with pytest.raises(NotARadiograph):
        read_bytes(film(ViewPosition="LL"))


def test_the_pixel_ceiling_is_checked_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    from xscan.engine.read.dicom import read as module

    monkeypatch.setattr(module, "read_stored", lambda *_: pytest.fail("pixels were decoded"))
    with pytest.raises(UnreadableRadiograph, match="too-many-pixels"):
        read_bytes(film(), Limits(max_pixels=1000))


@pytest.mark.parametrize(
    ("elements", "years"),
    [
        ({"PatientAge": "062Y"}, 62),
        ({"PatientAge": "62"}, 62),
        ({"PatientAge": "062Y "}, 62),
        ({"PatientAge": "3M"}, 0.25),
        ({"PatientAge": "002W"}, 14 / 365.25),
        ({"PatientAge": "010D"}, 10 / 365.25),
        ({"PatientAge": "7 years"}, 7),
        ({"PatientAge": "5yo"}, 5),
        ({"PatientAge": "000D"}, 0),
        ({"PatientAge": "000"}, None),
        ({"PatientAge": "abc"}, None),
        ({"PatientAge": "", "PatientBirthDate": "20000101", "StudyDate": "20050101"}, 5),
        ({"PatientBirthDate": "2000.01.01", "AcquisitionDate": "20050101"}, 5),
        ({"PatientBirthDate": "20100101", "StudyDate": "20050101"}, None),
        ({"PatientBirthDate": "00010101", "StudyDate": "20050101"}, None),
        ({"PatientBirthDate": "20000000", "StudyDate": "20050101"}, 5),
        ({}, None),
    ],
)
def test_age(elements: dict[str, Any], years: float | None) -> None:
    import pydicom.config

    with pydicom.config.disable_value_validation():
        content = film(**elements)
    found = age_years(parse(content, 1 << 30))
    assert found == years or found == pytest.approx(years, abs=0.01)
    assert "age" not in repr(read_bytes(content).facts)


@pytest.mark.parametrize(("size", "metres"), [("1.05", 1.05), ("0", None), ("175", None), ("", None)])
def test_height(size: str, metres: float | None) -> None:
    content = film(PatientSize=size)
    assert height_m(parse(content, 1 << 30)) == metres
    assert "height" not in repr(read_bytes(content).facts)


@pytest.mark.parametrize(
    ("directions", "lies"),
    [
        (["L", "F"], ""),
        (["R", "H"], "half-turn"),
        (["L", "H"], "flipped"),
        (["F", "R"], "turned-left"),
        (["H", "L"], "turned-right"),
        (["R", "F"], ""),  # mirrored, but upright
        (["LA", "FH"], ""),
        ([], ""),
    ],
)
def test_how_a_film_lies_by_its_orientation(directions: list[str], lies: str) -> None:
    assert read_bytes(film(PatientOrientation=directions)).facts.stands == lies


def test_no_reason_holds_anything_of_the_header() -> None:
    for keyword, value in {"Modality": "CT", "BodyPartExamined": "HAND", "ViewPosition": "LL"}.items():
        elements: dict[str, Any] = {keyword: value}
        with pytest.raises(NotARadiograph) as problem:
            read_bytes(film(**elements))
        assert "SECRET" not in str(problem.value)
        assert problem.value.__cause__ is None
