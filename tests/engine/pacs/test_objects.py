"""What goes to the PACS, held against readers that are not ours: dciodvfy, dsrdump, pydicom and highdicom."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.config
import pydicom.datadict
import pytest
from pydicom.dataset import Dataset

from xscan.engine.errors import NotARadiograph, UnreadableRadiograph
from xscan.engine.pacs.objects.identity import Source, source_of
from xscan.engine.pacs.objects.ko import key_object
from xscan.engine.pacs.objects.result import NOTICE, Result
from xscan.engine.pacs.objects.sc import picture, secondary_capture
from xscan.engine.pacs.objects.sr import structured_report
from xscan.engine.read.decode import read_bytes

from .lists import row_of
from .peers import faults_of, films, run

pytest.importorskip("highdicom")
MOST = 1 << 29
MADE = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return films(tmp_path_factory.mktemp("film"), 2)[1]


def result_of(film: Path, band: str = "urgent", reason: str = "") -> Result:
    return Result.of(row_of(film, film.parent, band, reason=reason), (0.21, 0.61), "0.1.0", MADE)


def objects(content: bytes, result: Result) -> dict[str, tuple[str, str, bytes]]:
    source = source_of(content, MOST)
    grey = np.tile(np.arange(200, dtype=np.uint8), (160, 1))
    evidence = np.zeros((5, 5))
    evidence[2, 1] = 6
    return {
        "sr": structured_report(source, result),
        "sc": secondary_capture(source, result, grey, evidence, contour=True),
        "ko": key_object(source, result),
    }


def changed(film: Path, change: Callable[[Dataset], None]) -> bytes:
    data = pydicom.dcmread(film)
    change(data)
    content = io.BytesIO()
    data.save_as(content, enforce_file_format=True)
    return content.getvalue()


@pytest.mark.parametrize("reason", ["", "adult: looks like a film of an adult"])
@pytest.mark.parametrize("band", ["urgent", "review", "routine"])
def test_dciodvfy_finds_no_error_and_dsrdump_prints_it(film: Path, tmp_path: Path, band: str, reason: str) -> None:
    for kind, (_, _, content) in objects(film.read_bytes(), result_of(film, band, reason)).items():
        file = tmp_path / f"{kind}.dcm"
        file.write_bytes(content)
        assert faults_of(file) == set()
        if kind != "sc":
            dump = run("dsrdump", file)
            assert dump.returncode == 0, dump.stderr
            assert "Prioritises, does not" in run("dsrdump", "+Pl", file).stdout


def test_pydicom_and_highdicom_read_band_probability_and_algorithm_out_of_the_report(film: Path) -> None:
    from highdicom.sr import ComprehensiveSR
    from pydicom.sr.codedict import codes

    _, uid, content = objects(film.read_bytes(), result_of(film))["sr"]
    report = ComprehensiveSR.from_dataset(pydicom.dcmread(io.BytesIO(content)))
    assert (report.SOPInstanceUID, report.VerificationFlag, report.PreliminaryFlag) == (
        uid,
        "UNVERIFIED",
        "PRELIMINARY",
    )
    said: Any = report.content  # a measurement report's, which highdicom does not say
    pneumonia, bacterial, viral = said.get_image_measurement_groups()
    assert pneumonia.finding_type.value == "233604007"
    values = [group.get_measurements(name=codes.DCM.Probability)[0] for group in (pneumonia, bacterial, viral)]
    assert [float(value.value) for value in values] == [98.98, 85.0, 13.98]
    assert {value.unit.value for value in values} == {"%"}
    told = {str(e.name.value): str(e.value.value) for e in pneumonia.get_qualitative_evaluations()}
    assert told.items() >= {"PRIORITY": "URGENT", "CLASS": "53084003"}.items()
    texts = _texts(report)
    assert texts["Algorithm Name"] == {"compact"}
    assert texts["Algorithm Version"] == {"3"}
    assert texts["Comment"] == {NOTICE}
    [reference] = report.CurrentRequestedProcedureEvidenceSequence
    source = pydicom.dcmread(film)
    assert reference.StudyInstanceUID == source.StudyInstanceUID == report.StudyInstanceUID
    assert (
        reference.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    )


def _texts(data: Dataset) -> dict[str, set[str]]:
    """All TEXT items of a report by the meaning of their name: read with pydicom alone."""
    found: dict[str, set[str]] = {}
    for item in data.get("ContentSequence", []):
        if item.ValueType == "TEXT":
            found.setdefault(item.ConceptNameCodeSequence[0].CodeMeaning, set()).add(item.TextValue)
        for name, texts in _texts(item).items():
            found.setdefault(name, set()).update(texts)
    return found


def test_the_picture_says_that_it_is_no_film(film: Path) -> None:
    _, _, content = objects(film.read_bytes(), result_of(film))["sc"]
    data = pydicom.dcmread(io.BytesIO(content))
    assert (data.BurnedInAnnotation, data.ConversionType, data.Modality) == ("YES", "SYN", "OT")
    assert NOTICE in data.DerivationDescription
    assert data.SourceImageSequence[0].ReferencedSOPInstanceUID == pydicom.dcmread(film).SOPInstanceUID
    assert data.pixel_array.shape == (data.Rows, data.Columns)


def test_the_film_in_the_picture_is_not_covered(film: Path) -> None:
    grey = np.tile(np.arange(200, dtype=np.uint8) + 20, (160, 5))  # 160 x 1000
    shown = picture(grey, result_of(film, reason="adult: looks like one"))
    np.testing.assert_array_equal(shown[:160], grey)
    assert shown[160:].max() > 200  # the text
    narrow = picture(np.full((900, 100), 90, np.uint8), result_of(film))
    assert narrow.shape[1] >= 640
    assert (narrow[:900] == 90).sum() == 900 * 100


def test_our_own_objects_are_never_scored(film: Path) -> None:
    for kind, (_, _, content) in objects(film.read_bytes(), result_of(film)).items():
        with pytest.raises(NotARadiograph) as problem:
            read_bytes(content)
        assert problem.value.code == ("not-a-film" if kind == "sc" else "not-a-picture")


def test_sent_again_it_is_the_same_object_and_another_result_is_another(film: Path) -> None:
    content, result = film.read_bytes(), result_of(film)
    first, second = objects(content, result), objects(content, result)
    assert first == second
    for other in (replace(result, band="review"), replace(result, network_version="4"), replace(result, points=None)):
        made = objects(content, other)
        assert all(made[kind][1] != first[kind][1] for kind in made)
    later = objects(content, replace(result, made=datetime(2027, 1, 1, tzinfo=UTC), xscan_version="9"))
    assert [made[1] for made in later.values()] == [made[1] for made in first.values()]
    uids = [made[1] for made in first.values()]
    assert len(set(uids)) == 3
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_a_network_version_is_a_device_of_its_own(film: Path) -> None:
    result = result_of(film)
    found = set()
    for version in ("3", "4"):
        _, _, content = structured_report(source_of(film.read_bytes(), MOST), replace(result, network_version=version))
        found.add(str(pydicom.dcmread(io.BytesIO(content)).DeviceUID))
    assert len(found) == 2


@pytest.mark.parametrize(
    ("character_set", "name", "raw"),
    [
        ("ISO_IR 100", "Müller^Jörg", "Müller^Jörg".encode("latin-1")),
        ("ISO_IR 192", "王^小東", "王^小東".encode()),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎", None),
        ("GB18030", "王^小东", "王^小东".encode("gb18030")),
    ],
)
def test_identity_goes_on_byte_for_byte(film: Path, character_set: str, name: str, raw: bytes | None) -> None:
    def change(data: Dataset) -> None:
        data.SpecificCharacterSet = character_set
        data.PatientName, data.PatientID, data.AccessionNumber = name, "ID-0042", "A 7"
        data.PatientBirthDate, data.PatientSex = "20200229", "F"

    content = changed(film, change)
    before = pydicom.dcmread(io.BytesIO(content))
    for _, _, made in objects(content, result_of(film)).values():
        after = pydicom.dcmread(io.BytesIO(made))
        assert str(after.PatientName) == str(before.PatientName) == name
        assert (after.PatientID, after.AccessionNumber, after.PatientBirthDate) == ("ID-0042", "A 7", "20200229")
        assert after.get("SpecificCharacterSet") == before.get("SpecificCharacterSet")
        if raw is not None:
            assert raw in made


HOSTILE = "$(touch /tmp/x)`id`%s%n{0}../../etc/passwd"


def test_hostile_headers_make_sound_objects(film: Path, tmp_path: Path) -> None:
    def change(data: Dataset) -> None:
        data.PatientName = data.StudyID = data.AccessionNumber = data.StudyDescription = HOSTILE[:16]
        data.PatientID = HOSTILE
        for keyword, vr, value in (
            ("PatientBirthDate", "DA", "not a day"),
            ("StudyTime", "TM", "25 o'clock"),
            ("PatientSex", "CS", "X Y"),
            ("ReferringPhysicianName", "PN", "A=B=C=D=E^^^^^^"),
        ):
            data[keyword] = pydicom.DataElement(keyword, vr, value, validation_mode=pydicom.config.IGNORE)
        data.PatientOrientation = ["..", "\\"]

    with pydicom.config.disable_value_validation():
        content = changed(film, change)
    for _, _, made in objects(content, result_of(film)).values():
        after = pydicom.dcmread(io.BytesIO(made))
        assert after.PatientID == HOSTILE  # who the patient is, is not ours to mend
        assert (after.PatientBirthDate, after.StudyTime, after.PatientSex) == ("", "", "")


@pytest.mark.parametrize(
    ("keyword", "value", "told"),
    [
        ("AccessionNumber", "A" * 16, ""),
        ("AccessionNumber", "A" * 17, "kept"),
        ("AccessionNumber", "A1\\A2", "kept"),
        ("AccessionNumber", "A" * 65, "left out"),
        ("AccessionNumber", "Ä" * 16, ""),  # characters, of which each is two bytes
        ("PatientID", "7" * 65, "kept"),
        ("PatientName", "A" * 65, "kept"),
        ("PatientName", f"{'A' * 64}={'B' * 64}", ""),
        ("PatientName", "A=B=C=D", "kept"),
        ("StudyID", "9" * 20, "kept"),
        ("StudyDescription", "X" * 65, "kept"),
        ("StudyDescription", "X\r\nX", "left out"),
        ("StudyDate", "20261301", "left out"),
        ("StudyDate", "2026.11.29", ""),  # as in ACR-NEMA: written as DICOM has it
        ("PatientBirthDate", "00000000", "left out"),
        ("StudyTime", "2460", "left out"),
        ("PatientSex", "W", "left out"),
        ("SOPInstanceUID", "1.2.03.4", "kept"),
    ],
)
def test_what_of_a_film_breaks_the_standard_is_named_and_nothing_else_does(
    film: Path, tmp_path: Path, keyword: str, value: str, told: str
) -> None:
    def change(data: Dataset) -> None:
        data.SpecificCharacterSet = "ISO_IR 192"
        vr = pydicom.datadict.dictionary_VR(keyword)
        data[keyword] = pydicom.DataElement(keyword, vr, value, validation_mode=pydicom.config.IGNORE)
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID

    with pydicom.config.disable_value_validation():
        source = source_of(changed(film, change), MOST)
    assert source.irregular == ((f"{keyword} {told}",) if told else ())
    (tmp_path / "sr.dcm").write_bytes(structured_report(source, result_of(film))[2])
    counted = value.isascii() and "=" not in value  # dciodvfy counts bytes, and the groups of a name as one
    faults = faults_of(tmp_path / "sr.dcm") if counted else set()
    assert faults <= ({keyword, f"Referenced{keyword}"} if told == "kept" else set())
    if keyword != "SOPInstanceUID":
        raw = pydicom.dcmread(tmp_path / "sr.dcm").get_item(keyword)
        wanted = b"" if told == "left out" else value.replace(".", "").encode()
        assert ((raw and raw.value) or b"").rstrip() == wanted


@pytest.mark.parametrize("keyword", ["PatientName", "PatientID"])
@pytest.mark.parametrize("value", ["secret\r\nname", "secret" * 400])
def test_a_name_that_no_object_can_carry_is_refused_and_not_quoted(film: Path, keyword: str, value: str) -> None:
    def change(data: Dataset) -> None:
        vr = data[keyword].VR
        data[keyword] = pydicom.DataElement(keyword, vr, value, validation_mode=pydicom.config.IGNORE)

    with pydicom.config.disable_value_validation():
        content = changed(film, change)
    with pytest.raises(UnreadableRadiograph) as problem:
        source_of(content, MOST)
    assert "secret" not in str(problem.value)


def test_a_film_without_sound_uids_is_refused(film: Path) -> None:
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        with pydicom.config.disable_value_validation():
            content = changed(film, lambda data, k=keyword: setattr(data, k, "1.2.../x"))
        with pytest.raises(UnreadableRadiograph):
            source_of(content, MOST)


def test_identity_is_in_no_repr(film: Path) -> None:
    source: Source = source_of(film.read_bytes(), MOST)
    assert "PHANTOM" not in repr(source)


@pytest.mark.parametrize("syntax", ["+ti", "+tb", "+td"])
def test_films_in_other_transfer_syntaxes_keep_their_identity(film: Path, tmp_path: Path, syntax: str) -> None:
    assert run("dcmconv", syntax, film, tmp_path / "f.dcm").returncode == 0
    content = (tmp_path / "f.dcm").read_bytes()
    for kind, (_, _, made) in objects(content, result_of(film)).items():
        assert made == objects(film.read_bytes(), result_of(film))[kind][2]
