"""What is kept of a PACS's answers to a query."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xscan.engine.pacs.destinations import named
from xscan.engine.pacs.find import STUDY_ROOT_FIND, DimseFinder, Query, Study

pytest.importorskip("pynetdicom")
# pynetdicom leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_of_many_answers_no_more_is_kept_than_what_was_asked_for(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset
    from pynetdicom import AE, evt

    answers = 60

    def handle(event: Any) -> Iterator[tuple[int, Dataset]]:
        for number in range(answers):
            found = Dataset()
            found.QueryRetrieveLevel, found.StudyInstanceUID = "STUDY", f"2.25.{number + 1}"
            found.NumberOfStudyRelatedInstances = number
            yield 0xFF00, found

    entity = AE(ae_title="PACS")
    entity.add_supported_context(STUDY_ROOT_FIND)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, handle)])
    port = server.server_address[1]  # type: ignore[union-attr]
    finder = DimseFinder(named({"main": {"aet": "PACS", "host": "127.0.0.1", "port": port}}, "main", tmp_path))
    try:
        studies = finder.studies(Query((), accessions=("A",)))
        assert next(studies) == Study("2.25.1", 0)  # every answer is there now
        held = sum(isinstance(thing, Dataset) and "StudyInstanceUID" in thing for thing in gc.get_objects())
        assert held < answers / 4
        assert list(studies) == [Study(f"2.25.{number + 1}", number) for number in range(1, answers)]
    finally:
        finder.close()
        server.shutdown()  # type: ignore[union-attr]


# ---- the test of a PACS ------------------------------------------------------------------------------------
