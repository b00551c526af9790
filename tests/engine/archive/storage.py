"""An S3-compatible server on the loopback: moto's, with a gate before it that counts, refuses and cuts short."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SECRET = "a-secret-that-no-log-holds"
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Storage:
    """address: of the server. `answer`: what stands before it; None lets a request through."""

    def __init__(self, app: Wsgi) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

            def log(self, type: str, message: str, *args: object) -> None: ...

        self._app = app
        self.requests: list[tuple[str, str]] = []  #: path and query, range
        self.sent = 0  #: bytes of bodies
        self.answer: Callable[[str], tuple[str, bytes] | None] = lambda _: None
        self.cut = 0  #: of so many objects, from now on, half is sent
        self.server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=Quiet)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _serve(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        asked = environ["PATH_INFO"] + "?" + environ["QUERY_STRING"]
        self.requests.append((asked, environ.get("HTTP_RANGE", "")))
        if (refusal := self.answer(asked)) is not None:
            status, body = refusal
            start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        body = b"".join(self._app(environ, start))
        if self.cut and environ["REQUEST_METHOD"] == "GET" and "list-type" not in asked:
            self.cut -= 1
            environ["werkzeug.server.shutdown"] = True
            return _broken(body)
        self.sent += len(body)
        return [body]

    def client(self) -> Any:
        import botocore.session

        return botocore.session.get_session().create_client("s3", region_name="us-east-1")

    def fill(self, bucket: str, folder: Path, prefix: str = "") -> None:
        """Put a folder's files there, and give them the objects' times, as a copy has that keeps them."""
        import os

        client = self.client()
        client.create_bucket(Bucket=bucket)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = prefix + path.relative_to(folder).as_posix()
                client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                seconds = int(each["LastModified"].timestamp())
                os.utime(folder / each["Key"].removeprefix(prefix), (seconds, seconds))


def _broken(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionAbortedError


def refused(status: str, code: str) -> tuple[str, bytes]:
    return status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


@contextmanager
def serving() -> Iterator[Storage]:
    """The server, and an environment in which clients find it."""
    pytest.importorskip("botocore")
    pytest.importorskip("moto")
    pytest.importorskip("flask")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    with pytest.MonkeyPatch.context() as patch:
        storage = Storage(DomainDispatcherApplication(create_backend_app))
        for name, value in {
            "AWS_ACCESS_KEY_ID": "xscan-tests", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": storage.address, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield storage
        storage.server.shutdown()
        storage.server.server_close()
