"""`xscan log`: the audit log."""

from typing import Annotated

import typer

from ..settings.state import state
from ..terminal.console import Console
from ..terminal.options import Json, Quiet

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at the audit log, and prove it whole.")


@app.command(short_help="Prove that no line was changed or taken out.")
def verify(
    head: Annotated[str, typer.Option(metavar="HASH", help="A head noted earlier, which must be in the log.")] = "",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Follow the chain of hashes through the log: exit code 3 where a line was changed, taken out or put in.

    Note the head that it prints elsewhere, and give it later with --head: so a log that was written anew shows, too.
    """
    import hashlib

    from xscan.engine.nights.audit_log import files_of
    from xscan.engine.nights.audit_log import verify as follow

    console = Console(quiet, json=json)
    found = follow(state())
    if head and not any(
        hashlib.sha256(line).hexdigest() == head.strip().lower()
        for path in files_of(state())
        for line in path.read_bytes().splitlines()
    ):
        found.problems.append("the head that was noted earlier is not in the log: it was written anew")
    data = {"whole": not found.problems, "lines": found.lines, "files": found.files, "since": found.since}
    data |= {"torn": found.torn, "head": found.head, "problems": found.problems}
    text = f"{found.lines} lines since {found.since or 'never'}, head {found.head}"
    if found.torn:
        text += f"; {found.torn} cut off by a kill"
    console.result(data, text)
    for problem in found.problems:
        console.warn(problem)
    if found.problems:
        raise typer.Exit(3)


@app.command(short_help="Print the log's lines.")
def show(lines: Annotated[int, typer.Option(min=1, help="How many, from the end.")] = 20) -> None:
    """Print the last lines of the log, as they stand there: one JSON object a line."""
    from collections import deque

    from xscan.engine.disk.hostile import on_a_line
    from xscan.engine.nights.audit_log import files_of

    last: deque[bytes] = deque(maxlen=lines)
    for path in files_of(state()):
        last.extend(path.read_bytes().splitlines())
    Console().result({}, "\n".join(on_a_line(line.decode("utf-8", "replace")) for line in last))
