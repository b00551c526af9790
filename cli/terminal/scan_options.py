"""What a scan is asked for, whichever command runs it: batch, listen and archive share these options."""

from pathlib import Path
from typing import Annotated

import typer

from .groups import HOW, RARE, RUN, WHERE, WRITE

FollowLinks = Annotated[
    bool, typer.Option("--follow-links", help="Follow links that lead out of the folder, too.", rich_help_panel=WHERE)
]


RuleOut = Annotated[
    str,
    typer.Option(
        help="Below it: routine. sensitivity=0.99, specificity=0.9 or threshold=0.1.",
        show_default="the network's own",
        rich_help_panel=HOW,
    ),
]


RuleIn = Annotated[
    str,
    typer.Option(
        help="From it: urgent. Written in the same way.", show_default="the network's own", rich_help_panel=HOW
    ),
]


Mend = Annotated[
    bool,
    typer.Option(
        "--mend",
        help="Set films right that surely stand turned or inverted; they stay for review.",
        rich_help_panel=HOW,
    ),
]


Workers = Annotated[int, typer.Option(min=0, help="Worker processes; 0: one a core.", rich_help_panel=HOW)]


BatchSize = Annotated[
    int, typer.Option(min=1, max=256, help="Films given to the network at once.", rich_help_panel=HOW)
]


StudyFacts = Annotated[
    bool,
    typer.Option(
        "--study-facts", help="Study date and accession number in the page: patient data.", rich_help_panel=WRITE
    ),
]


LogFile = Annotated[
    Path | None, typer.Option(help="Append log lines to this file; no names, no paths.", rich_help_panel=WRITE)
]


MaxFailures = Annotated[
    str, typer.Option(metavar="N|N%", help="Failed films that are still a success.", rich_help_panel=RUN)
]


MaxMegapixels = Annotated[float, typer.Option(min=0.001, help="Larger films are refused.", rich_help_panel=RARE)]


MaxMegabytes = Annotated[float, typer.Option(min=0.001, help="Larger files are refused.", rich_help_panel=RARE)]


FileTimeout = Annotated[float, typer.Option(min=1, help="Seconds that one file may take.", rich_help_panel=RARE)]
