"""Several machines on one folder: each takes the files whose path falls to it, `xscan merge` joins the lists."""

import hashlib
import re
from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True)
class Shard:
    index: int = 1  #: from 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """`2/4` -> the second of four. Raises UsageError."""
        match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(f"cannot read --shard {text}: write 1/4 to 4/4 for four machines")
        return cls(int(match[1]), int(match[2]))

    def has(self, file: str) -> bool:
        """Does this file, by its path in the list, fall to this shard? The same on every machine."""
        if self.of == 1:
            return True
        digest = hashlib.sha256(file.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.index - 1

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"
