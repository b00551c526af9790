"""What a header says in the words, codes and character sets of many countries."""

import struct
import unicodedata
from typing import Any

import pytest
from pydicom.dataset import Dataset

from xscan.engine.errors import NotARadiograph
from xscan.engine.read.decode import read_bytes
from xscan.engine.read.dicom import vocabulary
from xscan.engine.read.dicom.charset import decode
from xscan.engine.read.dicom.words import Says, part_said, said

from .dicom_maker import film

DESCRIPTION, VIEW = 0x0008103E, 0x00185101


def with_text(tag: int, raw: bytes, character_set: str = "", **elements: Any) -> bytes:
    """A film with one text element of these bytes, under this SpecificCharacterSet."""
    content = film(**{"BodyPartExamined": "XX", "SeriesDescription": "XX", **elements})
    for number, vr, value in ((tag, None, raw), (0x00080005, b"CS", character_set.encode())):
        value += b" " * (len(value) % 2)
        mark = struct.pack("<HH", number >> 16, number & 0xFFFF)
        at = content.find(mark, 132)
        if vr is None:
            (length,) = struct.unpack_from("<H", content, at + 6)
            content = content[: at + 6] + struct.pack("<H", len(value)) + value + content[at + 8 + length :]
        else:
            at = content.index(b"\x08\x00\x16\x00UI")
            content = content[:at] + mark + vr + struct.pack("<H", len(value)) + value + content[at:]
    return content


def fate(content: bytes) -> str:
    """ok, the first doubt's code, or the reason why it is skipped."""
    try:
        doubts = read_bytes(content).facts.doubts
    except NotARadiograph as problem:
        return problem.code
    return doubts[0][0] if doubts else "ok"


@pytest.mark.parametrize(
    ("character_set", "word", "codec"),
    [
        ("ISO_IR 100", "TÓRAX", "latin-1"),
        ("", "TÓRAX", "latin-1"),  # declares none
        ("ISO_IR 192", "Tórax", "utf-8"),
        ("", "TÓRAX", "utf-8"),
        ("ISO_IR 100", "GÖĞÜS", "utf-8"),  # declares a wrong one
        ("ISO_IR 148", "GÖĞÜS", "iso8859-9"),
        ("ISO_IR 101", "HRUDNÍK", "iso8859-2"),
        ("ISO_IR 101", "KLATKA PIERŚ", "iso8859-2"),
        ("ISO_IR 144", "ГРУДНАЯ КЛЕТКА", "iso8859-5"),
        ("ISO_IR 100", "ОГК", "cp1251"),
        ("ISO_IR 126", "ΘΏΡΑΚΑΣ", "iso8859-7"),
        ("GB18030", "胸部", "gb18030"),
        ("ISO_IR 100", "胸部", "gbk"),
        ("", "胸片", "gbk"),
        ("\\ISO 2022 IR 87", "胸部", "iso2022_jp"),
        ("ISO_IR 13", "胸部", "shift_jis"),
        ("\\ISO 2022 IR 149", "흉부", "euc-kr"),
        ("ISO_IR 127", "الصدر", "iso8859-6"),
        ("ISO_IR 138", "חזה", "iso8859-8"),
        ("ISO_IR 166", "ทรวงอก", "tis-620"),
    ],
)
def test_chest_in_the_character_set_that_is_declared_and_in_others(character_set: str, word: str, codec: str) -> None:
    assert fate(with_text(0x00180015, word.encode(codec), character_set)) == "ok"


@pytest.mark.parametrize(
    ("character_set", "word", "codec"),
    [
        ("ISO_IR 100", "SCHÄDEL", "latin-1"),
        ("ISO_IR 192", "MUÑECA", "utf-8"),
        ("ISO_IR 101", "KOLANO", "ascii"),
        ("ISO_IR 144", "КОЛЕННЫЙ СУСТАВ", "iso8859-5"),
        ("GB18030", "骨盆", "gb18030"),
        ("\\ISO 2022 IR 149", "무릎", "euc-kr"),
        ("ISO_IR 100", "THORAXWIRBELSÄULE", "latin-1"),
        ("ISO_IR 100", "胸椎", "gbk"),
    ],
)
def test_another_part_of_the_body_is_skipped_in_any_language(character_set: str, word: str, codec: str) -> None:
    assert fate(with_text(0x00180015, word.encode(codec), character_set)) == "body-part"


@pytest.mark.parametrize("raw", [b"ZZYX", b"\xff\xfe\xfd", "ÇÜŞ".encode("cp1254"), b"REGIO 7"])
def test_what_is_not_understood_is_scored_for_review(raw: bytes) -> None:
    assert fate(with_text(0x00180015, raw)) == "description"


def test_pydicom_agrees_on_texts_with_escapes() -> None:
    from pydicom.charset import convert_encodings, decode_bytes

    for sets, raw in (
        ("\\ISO 2022 IR 87", "胸部".encode("iso2022_jp")),
        ("ISO 2022 IR 13\\ISO 2022 IR 87", "ﾑﾈ".encode("shift_jis") + "胸部".encode("iso2022_jp")),
        ("\\ISO 2022 IR 149", b"\x1b$)C" + "흉부".encode("euc-kr")),
        ("\\ISO 2022 IR 58", b"\x1b$)A" + "胸部".encode("gb2312")),
    ):
        theirs = decode_bytes(raw, convert_encodings(sets.split("\\")), {ord("\\")})
        assert decode(raw, sets.encode()) == theirs
        assert fate(with_text(0x00180015, raw, sets)) == "ok"


@pytest.mark.parametrize("meaning", ["CHEST", "SPINE", "ELSEWHERE", "LATERAL", "FRONTAL"])
def test_every_word_of_the_table_means_what_it_stands_under(meaning: str) -> None:
    for language, words in getattr(vocabulary, meaning).items():
        for word in words.split(", "):
            spelled = word.replace("*", "")
            for text in (spelled, spelled.lower(), f"RX-{spelled}_1", unicodedata.normalize("NFD", spelled)):
                assert Says[meaning] in said(text), (language, word, text)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Röntgen Thorax im Liegen", Says.CHEST),
        ("TORAX DE PIE", Says.CHEST),  # standing, and no foot
        ("THORAX BAUCHLAGE", Says.CHEST),  # prone, and no abdomen
        ("PA AKCİĞER AYAKTA", Says.CHEST | Says.FRONTAL),  # standing, and no foot
        ("Rx tórax PA y lateral", Says.CHEST | Says.FRONTAL | Says.LATERAL),
        ("klatka piersiowa, dziecko 5 lat", Says.CHEST),  # five years, and not lateral
        ("CHEST PORTABLE SUPINE", Says.CHEST),
        ("THORAX RYGGLEIE", Says.CHEST),
        ("Abteilung", Says.NOTHING),
        ("Fehlstellungen", Says.NOTHING),
        ("côté gauche", Says.NOTHING),
        ("ＣＨＥＳＴ", Says.CHEST),
        ("ОГК в прямой проекции", Says.CHEST | Says.FRONTAL),
        ("胸部侧位", Says.CHEST | Says.LATERAL),
    ],
)
def test_sentences(text: str, meaning: Says) -> None:
    assert said(text) & ~Says.CHEST_ALONE == meaning


def test_a_part_may_be_a_word_that_no_sentence_can_use() -> None:
    assert part_said("PIE") == part_said("ARM") == Says.ELSEWHERE
    assert said("PIE") == said("ARM") == Says.NOTHING


def code(value: str, meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return [item]


NO_PART: dict[str, Any] = {"BodyPartExamined": "", "ViewPosition": ""}


@pytest.mark.parametrize(
    ("expected", "elements"),
    [
        ("body-part", {"AnatomicRegionSequence": code("122495006", "Thoracic spine")}),
        ("body-part", {"AnatomicRegionSequence": code("122495006", "")}),
        ("body-part", {"AnatomicRegionSequence": code("T-11502", "")}),
        ("body-part", {"AnatomicRegionSequence": code("818981001", "Abdomen")}),
        ("body-part", {"AnatomicRegionSequence": code("99ABC", "Brustwirbelsäule")}),
        ("body-part", {"PrimaryAnatomicStructureSequence": code("122496007", "Lumbar spine")}),
        ("description", {"AnatomicRegionSequence": code("416550000", "Chest and abdomen")}),
        ("description", {"AnatomicRegionSequence": code("99ABC", "Regio prima")}),
        ("description", {"BodyPartExamined": "CHEST", "AnatomicRegionSequence": code("56459004", "Foot")}),
        ("ok", {"AnatomicRegionSequence": code("816094009", "Chest")}),
        ("ok", {"AnatomicRegionSequence": code("", "")}),
        ("body-part", {"BodyPartExamined": "THORACICSPINE"}),
        ("body-part", {"BodyPartExamined": "TSPINE"}),
        ("body-part", {"BodyPartExamined": "BRUSTWIRBELS"}),
        ("description", {"BodyPartExamined": "CHESTABDOMEN"}),
        ("description", {"BodyPartExamined": "CHEST/ABDOMEN"}),
        ("description", {"BodyPartExamined": "HEART"}),
        ("body-part", {"StudyDescription": "XR THORACIC SPINE 2 VIEWS"}),
        ("body-part", {"ProtocolName": "BWS ap"}),
        ("body-part", {"SeriesDescription": "COLUMNA DORSAL AP"}),
        ("description", {"StudyDescription": "Thorax und BWS"}),
        ("description", {"StudyDescription": "Hand Fehlstellung rechts"}),
        ("description", {"SeriesDescription": "UPPER EXTREMITY"}),
        ("description", {"ProtocolName": "Knie seitl."}),
        ("description", {"AcquisitionDeviceProcessingDescription": "PELVIS AP"}),
        ("description", {"StudyDescription": "XR CHEST AND ABDOMEN"}),
        ("ok", {"StudyDescription": "XR CHEST AND ABDOMEN", "SeriesDescription": "CHEST"}),
        ("description", {"StudyDescription": "XR CHEST AND HAND", "SeriesDescription": "HAND"}),
        ("description", {"BodyPartExamined": "CHEST", "SeriesDescription": "LEFT FOOT"}),
        ("view", {"ProtocolName": "CHEST LAT"}),
        ("view", {"AcquisitionDeviceProcessingDescription": "CHEST LATERAL"}),
        ("view", {"SeriesDescription": "TORAX PERFIL"}),
        ("view", {"SeriesDescription": "Thorax seitlich"}),
        ("view", {"SeriesDescription": "Torace laterale"}),
        ("view", {"SeriesDescription": "Thorax dwars"}),
        ("view", {"SeriesDescription": "klatka piersiowa boczne"}),
        ("view", {"StudyDescription": "CHEST LATERAL"}),
        ("view", {"PerformedProcedureStepDescription": "Thorax de profil"}),
        ("view", {"ViewPosition": "PA", "SeriesDescription": "CHEST LATERAL"}),
        ("ok", {"StudyDescription": "CHEST LATERAL", "SeriesDescription": "CHEST PA"}),
        ("ok", {"StudyDescription": "CHEST PA AND LATERAL"}),
        ("ok", {"SeriesDescription": "Thorax lateral decubitus"}),
        ("lateral", {"ViewPosition": "SEITLICH"}),
        ("lateral", {"ViewPosition": "PERFIL"}),
        ("view", {"ViewPosition": "LLO"}),
        ("lateral", {"ViewCodeSequence": code("399352003", "")}),
        ("ok", {"ViewCodeSequence": code("272479007", "postero-anterior")}),
    ],
)
def test_parts_and_views_by_code_part_and_words(expected: str, elements: dict[str, Any]) -> None:
    import pydicom.config

    with pydicom.config.disable_value_validation():
        assert fate(film(**NO_PART | elements)) == expected


@pytest.mark.parametrize("word", ["боковая проекция", "πλάγια", "側面", "측면", "侧位"])
def test_lateral_views_in_other_scripts(word: str) -> None:
    content = with_text(DESCRIPTION, word.encode(), "ISO_IR 192", BodyPartExamined="CHEST", ViewPosition="")
    assert fate(content) == "view"
