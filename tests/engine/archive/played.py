"""A cluster that is played: an actor, or all of it, ends when a test wants it. test_archive.py has a real one."""

from collections.abc import Callable
from typing import Any

from xscan.engine.archive.scanner import versions
from xscan.engine.find.found import Found
from xscan.engine.lists.table import COLUMNS

HERE = versions() | {"engine": "e1", "runtime": "played", "node": "n1"}


class Method:
    def __init__(self, act: Callable[..., Any]) -> None:
        self._act = act

    def remote(self, *arguments: Any) -> Any:
        return lambda: self._act(*arguments)


class Actor:
    def __init__(self, ready: Callable[..., Any], scan: Callable[..., Any]) -> None:
        self.ready, self.scan = Method(ready), Method(scan)


class Played:
    """A cluster whose actors answer when they are asked, in this thread."""

    def __init__(self, ready: Callable[[], Any], scan: Callable[[list[Found]], Any], room: int = 2) -> None:
        self.ray = self
        self.room = room
        self.ready, self.answer = ready, scan

    def start(self, *_: Any) -> Actor:
        return Actor(self.ready, self.answer)

    def kill(self, _: Any) -> None: ...

    def wait(self, references: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return references[-1:], references[:-1]  # the youngest first: no order is to be relied on

    def get(self, reference: Callable[[], Any]) -> Any:
        return reference()


def rows(files: list[Found]) -> dict[str, Any]:
    return {"rows": [[f.file, "ok", *[""] * (len(COLUMNS) - 2)] for f in files], "seconds": {"read": 0.5}}
