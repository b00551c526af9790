"""DICOMweb (PS3.18): STOW-RS for results, QIDO-RS and WADO-RS for films. Needs dicomweb-client.

One object a request: an answer then belongs to one object, and a large study needs no large memory.
"""

import contextlib
import io
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import PeerError, UsageError
from ..machine.install import require
from .answers import Answer, answer_of
from .destinations import Destination
from .dimse import tls_context
from .find import Query, Series, Study, each_query, once, sound_count, sound_modality
from .uids import sound_uid

if TYPE_CHECKING:
    from dicomweb_client.web import DICOMwebClient

    from .make import Made

PAGE = 200  #: answers to one query
_ONE_REQUEST = 1 << 30  #: bytes; beyond it dicomweb-client sends in chunks, which not every PACS understands
#: HTTP's answers that are about us or the address, not about one object.
_WHY = {
    301: "the address has moved: enter the new one as url",
    302: "the address leads elsewhere, perhaps to a login page: check url, and the token",
    401: "it does not accept our name, password or token",
    403: "our user may not do this: give it the right there",
    404: "there is no DICOMweb service at this address: check the path of url",
    405: "this address takes no such request: check the path of url",
    406: "it does not give films as multipart/related; type=application/dicom in any transfer syntax (406)",
    429: "it is too busy",
}


@contextlib.contextmanager
def _client(destination: Destination) -> "Generator[tuple[DICOMwebClient, list[int]]]":
    """A client and the HTTP status of its answers. Errors in the block become PeerError; no text of theirs is kept."""
    require("dicomweb_client")
    import requests
    from dicomweb_client.web import DICOMwebClient

    statuses: list[int] = []
    session = requests.Session()
    session.trust_env = (
        False  # neither a proxy nor a password of the environment: films go to the PACS and nowhere else
    )
    session.max_redirects = 0
    credentials = destination.credentials()
    if credentials.token:
        session.headers["Authorization"] = f"Bearer {credentials.token}"
    elif destination.user:
        session.auth = (destination.user, credentials.password)
    session.headers["Accept"] = "application/dicom+json"
    if destination.ca is not None:
        session.verify = str(destination.ca)
    if destination.ca is not None or destination.certificate is not None:
        tls_context(destination)  # what is wrong with the files is said in our words
    if destination.certificate is not None and destination.key is not None:
        session.cert = (str(destination.certificate), str(destination.key))
    client = DICOMwebClient(
        destination.url,
        session=session,
        callback=lambda response, *_, **__: statuses.append(response.status_code),
        chunk_size=_ONE_REQUEST,
        timeout=destination.timeout,
        permissive_uid=True,
    )
    client.set_http_retry_params(retry=False)
    try:
        with session:
            yield client, statuses
    except (requests.RequestException, OSError, UsageError) as error:
        if isinstance(error, UsageError):
            raise
        raise PeerError(f"{destination.name}: {_reason(error, destination)}") from None


def _reason(error: Exception, destination: Destination) -> str:
    import requests

    response = getattr(error, "response", None)
    if response is not None:
        return _WHY.get(response.status_code, f"the PACS answered HTTP {response.status_code}")
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted, or it does not agree to TLS: name who signed it with ca-file"
    if isinstance(error, requests.exceptions.Timeout):
        return f"{destination.url} does not answer within {destination.timeout:g} s"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return _WHY[302]
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the PACS broke off in the middle of an answer: run again"
    return f"{destination.url} cannot be reached: check the address, and that the PACS runs"


def stow(destination: Destination) -> "Callable[[Made], Answer]":
    """A way to store single objects, as `send.sender` gives it."""

    def store(made: "Made") -> "Answer":
        import requests
        from pydicom.dataset import Dataset

        with _client(destination) as (client, statuses):
            try:
                told = client.store_instances([made.dataset()])
            except requests.HTTPError as error:
                if error.response is None or error.response.status_code not in (400, 409, 413, 415, 422):
                    if error.response is not None and error.response.status_code >= 500:
                        return Answer(f"HTTP {error.response.status_code}", stored=False)
                    raise
                told = _body(error.response)
                if told is None or not told.get("FailedSOPSequence"):
                    return Answer(f"HTTP {error.response.status_code}", stored=False, for_good=True)
            except (ValueError, KeyError, TypeError, AttributeError):
                # Stored or not: an answer that nobody can read, with a status that everybody can.
                told = Dataset()
        failed = told.get("FailedSOPSequence") or []
        if failed:
            answer = answer_of(_number(failed[0].get("FailureReason")))
            return Answer(answer.code or "0110", stored=answer.stored and bool(answer.code), for_good=answer.for_good)
        warned = [item.get("WarningReason") for item in told.get("ReferencedSOPSequence") or []]
        status = statuses[-1] if statuses else 0
        if status == 202 and not warned:
            return Answer("HTTP 202", stored=True)
        return answer_of(next((number for item in warned if (number := _number(item)) is not None), 0))

    return store


def _body(response: Any) -> Any:
    from pydicom.dataset import Dataset

    try:
        return Dataset.from_json(response.json())
    except Exception:  # whatever a proxy or a PACS writes in place of an answer
        return None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None


class WebPeer:
    """A PACS that is asked by QIDO-RS and gives films by WADO-RS."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def __enter__(self) -> "WebPeer":
        require("dicomweb_client")
        return self

    def __exit__(self, *_: object) -> None:
        return

    def studies(self, query: Query) -> Iterator[Study]:
        """As `Peer.studies`."""

        def ask() -> Iterator[Study]:
            for keys in each_query(query):
                for found in self._pages("search_for_studies", "0020000D", search_filters=keys):
                    yield Study(sound_uid(_value(found, "0020000D")), sound_count(_value(found, "00201208")))

        return once(ask())

    def series(self, study: str) -> list[Series]:
        found = self._pages("search_for_series", "0020000E", study_instance_uid=study)
        return [
            Series(uid, sound_modality(_value(answer, "00080060")), sound_count(_value(answer, "00201209")))
            for answer in found
            if (uid := sound_uid(_value(answer, "0020000E")))
        ]

    def instances(self, study: str, series: str) -> list[str]:
        found = self._pages("search_for_instances", "00080018", study_instance_uid=study, series_instance_uid=series)
        return [uid for answer in found if (uid := sound_uid(_value(answer, "00080018")))]

    def retrieve(self, study: str, series: str, instances: list[str], keep: Callable[[bytes], bool]) -> str:
        """As `Peer.retrieve`: one request for each film, in the transfer syntax that it is stored in."""
        import requests

        why = ""
        for uid in instances:
            with _client(self._destination) as (client, _):
                try:
                    film = client.retrieve_instance(study, series, uid, media_types=(("application/dicom", "*"),))
                    content = io.BytesIO()
                    film.save_as(content, enforce_file_format=True)
                except requests.HTTPError as error:
                    status = error.response.status_code if error.response is not None else 0
                    if status in (401, 403, 429) or status >= 500:
                        raise
                    why = _WHY.get(status, f"the PACS answered HTTP {status}") if status != 404 else "a film is gone"
                    continue
                except requests.RequestException:
                    raise
                except Exception:  # of pydicom, at what is no DICOM file: half an answer
                    why = "a film came damaged"
                    continue
            if not keep(content.getvalue()):
                why = why or "a film came damaged, or is not the one asked for"
        return why

    def _pages(self, method: str, uid_tag: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """All answers, page by page. A PACS that gives the same page for ever is not asked for ever."""
        seen: set[str] = set()
        offset = 0
        while True:
            with _client(self._destination) as (client, _):
                try:
                    page = getattr(client, method)(limit=PAGE, offset=offset, **arguments)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    import requests

                    if isinstance(error, requests.RequestException) and error.response is not None:
                        raise
                    raise PeerError(f"{self._destination.name}: what answers there is no DICOMweb: check url") from None
            new = [answer for answer in page if isinstance(answer, dict) and str(_value(answer, uid_tag)) not in seen]
            seen.update(str(_value(answer, uid_tag)) for answer in new)
            yield from new
            if not new or len(page) < PAGE:
                return
            offset += len(page)


def _value(answer: dict[str, Any], tag: str) -> Any:
    """The first value of an attribute in the DICOM JSON model (PS3.18 F.2); None where there is none."""
    element = answer.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None
