"""How many failed films are still a success: `--max-failures 5` or `2%`."""

import re
from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True)
class FailureBudget:
    films: int = 0
    share: float | None = None  #: of all radiographs, 0 to 1; counts instead of `films` when given

    @classmethod
    def parse(cls, text: str) -> "FailureBudget":
        """`5` -> five films; `2%` -> two of a hundred radiographs. Raises UsageError."""
        match = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)%", text.strip())
        if not match or (match[2] and float(match[2]) > 100):
            raise UsageError(f"cannot read --max-failures {text}: write a number of films, or a share such as 2%")
        return cls(int(match[1])) if match[1] else cls(share=float(match[2]) / 100)

    def exceeded(self, failed: int, radiographs: int) -> bool:
        allowed = self.films if self.share is None else self.share * radiographs
        return failed > allowed
