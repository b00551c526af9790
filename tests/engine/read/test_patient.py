"""Whose film it is: linked by number and issuer, and by nothing that stands for nobody."""

from typing import Any

import pytest

from xscan.engine.errors import NotARadiograph
from xscan.engine.read.dicom.read import read_dicom
from xscan.engine.read.film import DEFAULT_LIMITS, Facts

from .dicom_maker import film


def facts(**elements: Any) -> Facts:
    return read_dicom(film(**elements), DEFAULT_LIMITS).facts  # type: ignore[arg-type]


def test_number_and_issuer_make_a_patient():
    one = facts(PatientID="4711", StudyDate="20260131")
    assert one.patient == facts(PatientID="4711 ", StudyDate="20260201").patient
    assert one.patient != facts(PatientID="4711", IssuerOfPatientID="ELSEWHERE").patient
    assert one.study_date == "20260131"
    assert "4711" not in repr(one)


@pytest.mark.parametrize("number", ["", "0", "000000", "ANONYMOUS", "anon123", "Unknown", "-", "XXXX"])
def test_a_placeholder_is_nobody(number: str):
    assert facts(PatientID=number).patient == ""


def test_a_lateral_film_says_which_study_it_is_of():
    with pytest.raises(NotARadiograph) as raised:
        read_dicom(film(ViewPosition="LL"), DEFAULT_LIMITS)
    assert raised.value.code == "lateral"
    assert raised.value.uids == ("1.2.3", "1.2.3.4", "1.2.3.4.5")
