"""Object storage as a source: `s3://BUCKET/PREFIX`, its objects listed and read, whole or by ranges.

By botocore, AWS's own client, which talks to whatever has S3's interface. Credentials and address are those of the
environment it runs in (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a node's role; AWS_ENDPOINT_URL), on
every node its own; xscan never sees, keeps or writes them. It retries by itself, later and later. Unlike pyarrow.fs and
object_store it lists page by page, takes every key there can be, and asks once for an object.
"""

import io
import logging
import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from ..errors import StorageError, UsageError
from ..machine.install import require

SCHEME = "s3://"
CONNECTIONS = 32  #: at once
ATTEMPTS = 8  #: of one request, half a minute of waiting in all
FIRST_ATTEMPTS = 3  #: of the first one: a person waits to hear that the address is wrong
BODY_ATTEMPTS = 4  #: of an object whose connection breaks while it comes, which botocore does not repeat
BUFFER = 1 << 18  #: bytes read ahead in a zip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CODE = re.compile(r"[A-Za-z0-9_.]{1,40}")
_GONE = ("NoSuchKey", "404", "NotFound")
_DENIED = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled", "InvalidObjectState")


class Denied(Exception):
    """One object may not be read."""


class Gone(Exception):
    """There is no such object any more."""


class OutOfRange(Exception):
    """The object ends before the range begins."""


@dataclass(frozen=True, slots=True)
class Content:
    """An object, or a range of it."""

    data: bytes
    size: int  #: bytes of the whole object
    modified_ns: int  #: whole seconds


@dataclass(frozen=True, slots=True)
class Object:
    """As it is listed."""

    key: str  #: behind the prefix
    bytes: int
    modified_ns: int


class Bucket:
    """url: `s3://BUCKET` or `s3://BUCKET/PREFIX`; what is below PREFIX/ is the source. May be used by many threads."""

    def __init__(self, url: str) -> None:
        """Raises UsageError."""
        name, _, prefix = url.removeprefix(SCHEME).partition("/")
        prefix = prefix.strip("/")
        if not url.startswith(SCHEME) or not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", name):
            raise UsageError(f"cannot read the source {url}: write s3://BUCKET or s3://BUCKET/PREFIX")
        self.name = name
        self.url = SCHEME + name + (f"/{prefix}" if prefix else "")
        self._prefix = f"{prefix}/" if prefix else ""
        require("botocore")
        with self._told():
            self._client = _client(ATTEMPTS)

    def require(self) -> None:
        """Raises UsageError where it may not be listed or is not there, StorageError where nothing answers."""
        with self._told():
            _client(FIRST_ATTEMPTS).list_objects_v2(Bucket=self.name, Prefix=self._prefix, MaxKeys=1)

    def pages(self, folder: str, delimiter: str = "") -> Iterator[tuple[list[Object], list[str]]]:
        """What is listed below a folder, in the order of the keys' bytes: objects; with `delimiter` those that are
        directly in it, and the folders there. Raises as `require`."""
        asked = {"Bucket": self.name, "Prefix": self._prefix + folder}
        asked |= {"Delimiter": delimiter} if delimiter else {}
        token = {}
        while True:
            with self._told():
                page = self._client.list_objects_v2(**asked, **token)
            start = len(self._prefix)
            yield (
                [Object(o["Key"][start:], o["Size"], _ns(o["LastModified"])) for o in page.get("Contents", ())],
                [p["Prefix"][start:] for p in page.get("CommonPrefixes", ())],
            )
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def path(self, key: str) -> str:
        """The address of an object, from its key behind the prefix."""
        return f"{self.url}/{key}"

    def get(self, path: str, start: int = 0, size: int = -1) -> Content:
        """An object by its address, or `size` bytes of it from `start`, fewer where it ends.

        Raises Gone, Denied, OutOfRange; StorageError, UsageError for what ails more than this object.
        """
        key = self._prefix + path[len(self.url) + 1 :]
        part = {} if size < 0 else {"Range": f"bytes={start}-{start + size - 1}"}
        for left in reversed(range(BODY_ATTEMPTS)):
            with self._told(key):
                said = self._client.get_object(Bucket=self.name, Key=key, **part)
                whole = int((said.get("ContentRange") or f"/{said['ContentLength']}").rpartition("/")[2])
                if (data := _read(said["Body"], said["ContentLength"], left)) is not None:
                    return Content(data, whole, _ns(said["LastModified"]))
            time.sleep(2.0 ** (BODY_ATTEMPTS - left - 2))
        raise AssertionError("the last attempt answers or raises")

    def opened(self, path: str, size: int) -> BinaryIO:
        """An object of `size` bytes to seek and read in, by ranges."""
        return io.BufferedReader(_Ranges(self, path, size), BUFFER)

    @contextmanager
    def _told(self, key: str = "") -> Generator[None]:
        """Turn what botocore raises into our errors. Its texts are not passed on: they can hold keys and addresses."""
        from botocore import exceptions as theirs

        try:
            yield
        except theirs.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            code = code if _CODE.fullmatch(code) else "no code"
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if key and code in _GONE:
                raise Gone from None
            if key and code in _DENIED:
                raise Denied from None
            if status == 416:
                raise OutOfRange from None
            if code in ("NoSuchBucket", *_GONE):
                raise UsageError(f"there is no bucket {self.name}: check the source and AWS_ENDPOINT_URL") from None
            if status in (301, 307):
                raise UsageError(f"the bucket {self.name} is in another region: set AWS_REGION") from None
            if status in (400, 401, 403):
                raise UsageError(
                    f"the bucket {self.name} may not be read with the credentials that are here ({code}): check them, "
                    "and what they permit (s3:ListBucket, s3:GetObject)"
                ) from None
            raise StorageError(f"the storage of {self.name} answers {code}: run the same command again") from None
        except (theirs.NoCredentialsError, theirs.PartialCredentialsError, theirs.ProfileNotFound):
            raise UsageError(
                f"no credentials for the bucket {self.name}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_PROFILE, on every node"
            ) from None
        except Exception as error:  # of whatever kind: an answer that is none of S3's ends in a TypeError
            raise StorageError(
                f"the storage of {self.name} does not answer ({type(error).__name__}): check AWS_ENDPOINT_URL and the "
                "network, then run the same command again"
            ) from None


class _Ranges(io.RawIOBase):
    """What a buffered reader asks for, each time a range."""

    def __init__(self, bucket: Bucket, path: str, size: int) -> None:
        self._bucket, self._path, self._size, self._at = bucket, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, (0, self._at, self._size)[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        try:
            data = self._bucket.get(self._path, self._at, wanted).data
        except OutOfRange:
            return 0
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _client(attempts: int) -> Any:
    import botocore.session
    from botocore.config import Config

    for name in ("botocore", "urllib3"):  # at some levels they say keys, addresses and headers
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False

    config = Config(
        retries={"mode": "standard", "max_attempts": attempts},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=CONNECTIONS,
        user_agent="xscan",
    )
    return botocore.session.get_session().create_client("s3", config=config)


def _read(body: Any, length: int, left: int) -> bytes | None:
    """An answer's bytes; None where its connection breaks and there are attempts left."""
    from botocore import exceptions as theirs

    data = b""
    try:
        data = body.read()
        if len(data) == length:
            return data
    except (theirs.ResponseStreamingError, theirs.IncompleteReadError, theirs.ReadTimeoutError):
        if not left:
            raise
    finally:
        body.close()
    if not left:
        raise theirs.IncompleteReadError(actual_bytes=len(data), expected_bytes=length)
    return None


def _ns(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000
