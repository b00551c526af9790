"""Every error that xscan raises on purpose.

XscanError                  a user's mistake or a fact of the machine: one line, no traceback
├── UsageError              exit 2: wrong argument, missing or unwritable path
│   ├── DataSetError        exit 2: the data set cannot be used as given
│   └── OutputError         exit 2: the output is locked, or was made with other settings
├── WorkersLost             exit 1: worker processes end, and no film is the reason
├── EngineError             exit 4: no usable network or engine
│   ├── GateRefused         exit 4: a reduced-precision engine failed its acceptance gate
│   └── DeviceLost          exit 4: the GPU stopped answering; run again to carry on
└── StorageError            exit 5: disk full or share lost; run again to carry on
    ├── PeerError           exit 5: the PACS does not answer, or refuses; run again to carry on
    └── ClusterGone         exit 5: the Ray cluster ended before its time; run again to carry on

FileProblem                 one file's fate, never the run's: becomes a row of the CSV
├── NotARadiograph          status `skipped`
└── UnreadableRadiograph    status `failed`
"""


class XscanError(Exception):
    """Ends the command with one line on stderr and `exit_code`."""

    exit_code = 1


class UsageError(XscanError):
    exit_code = 2


class DataSetError(UsageError):
    pass


class OutputError(UsageError):
    pass


class WorkersLost(XscanError):
    """Worker processes end, and no film is the reason: want of memory, as a rule, which may pass."""


class EngineError(XscanError):
    exit_code = 4


class GateRefused(EngineError):
    pass


class DeviceLost(EngineError):
    pass


class StorageError(XscanError):
    exit_code = 5


class PeerError(StorageError):
    pass


class ClusterGone(StorageError):
    pass


class FileProblem(Exception):
    """One file that gets no score. `code` is from the list in docs/reading.md; `detail` is our own
    sentence, and holds nothing that came out of the file's header or path."""

    status = ""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.uids: tuple[str, str, str] = ("", "", "")  #: study, series, SOP instance, of what belongs to a study

    def __reduce__(self) -> tuple[type["FileProblem"], tuple[str, str]]:
        return type(self), (self.code, self.detail)  # it crosses process borders, without UIDs

    @property
    def reason(self) -> str:
        """The text of the CSV's `reason` column."""
        return str(self)


class NotARadiograph(FileProblem):
    status = "skipped"


class UnreadableRadiograph(FileProblem):
    status = "failed"
